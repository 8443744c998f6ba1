/** Controls the sandbox Okta as an administrator would. */
import { z } from 'zod';
import { DemoProblem } from './stack.js';

export type Mode = 'aiw' | 'oin';

const exchange = z.object({
  method: z.string(),
  url: z.string(),
  status: z.number().nullable(),
  ms: z.number(),
  startedAt: z.number(),
  endedAt: z.number(),
  requestId: z.string().nullable(),
});
export type Exchange = z.output<typeof exchange>;

const delivery = z.object({
  url: z.string(),
  events: z.array(z.object({ type: z.string() })),
  state: z.string(),
  attempts: z.array(z.object({ startedAt: z.number(), endedAt: z.number(), status: z.number().nullable() })),
});
export type Delivery = z.output<typeof delivery>;

/** The requests that Okta sent during one action: SCIM requests, and deliveries of its event hook. */
export interface OktaWork {
  readonly exchanges: readonly Exchange[];
  readonly deliveries: readonly Delivery[];
}

const result = z.object({
  ok: z.boolean(),
  note: z.string().nullable(),
  task: z.object({ detail: z.string().nullable() }).nullable(),
  exchanges: z.array(exchange),
  deliveries: z.array(delivery),
});
const people = z.object({
  people: z.array(z.object({ id: z.string(), login: z.string(), remoteId: z.string().nullable() })),
});
const groups = z.object({
  groups: z.array(z.object({ name: z.string(), push: z.object({ status: z.string() }).nullable() })),
});

export class Okta {
  constructor(
    private readonly url: string,
    private readonly tenant: string,
    private readonly mode: Mode,
    private readonly pace: number | undefined,
  ) {}

  /** Runs a command of the sandbox Okta, such as `add-member`. Throws if Okta's provisioning task fails. */
  async run(verb: string, body: object): Promise<OktaWork> {
    const query = new URLSearchParams({ mode: this.mode, ...(this.pace !== undefined && { pace: String(this.pace) }) });
    const answer = result.parse(await this.call('POST', `${verb}?${query.toString()}`, body));
    if (!answer.ok)
      throw new DemoProblem(`Okta's provisioning task failed: ${answer.task?.detail ?? 'Okta gives no reason.'}`);
    return { exchanges: answer.exchanges, deliveries: answer.deliveries };
  }

  /** Returns the person's Okta user id and SCIM id. */
  async idsOf(login: string): Promise<{ oktaId: string; scimId: string }> {
    const person = people.parse(await this.call('GET', 'people')).people.find((p) => p.login === login);
    if (!person?.remoteId) throw new DemoProblem(`Okta has no StackFlow id for ${login}.`);
    return { oktaId: person.id, scimId: person.remoteId };
  }

  /** Adds a person to a group. Okta pushes the whole group, or only the new member if the group was pushed before. */
  async addTo(group: string, login: string): Promise<OktaWork> {
    const known = groups.parse(await this.call('GET', 'groups')).groups.find((g) => g.name === group);
    const pushed = known?.push?.status === 'ACTIVE';
    return this.run(pushed ? 'add-member' : 'push-group', { group, members: [login] });
  }

  private async call(method: string, path: string, body?: object): Promise<unknown> {
    const url = `${this.url}/sandbox/apps/${this.tenant}/${path}`;
    const init =
      body === undefined
        ? { method }
        : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(url, init).catch(() => {
      throw new DemoProblem(`The sandbox Okta does not answer at ${this.url}. Is the stack still running?`);
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new DemoProblem(`The sandbox Okta refuses "${path}": ${JSON.stringify(answer)}`);
  }
}
