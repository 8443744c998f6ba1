/** Builds the timeline of a step. All times come from the records of the services. */
import { Client } from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { OffboardingClient } from '#contracts/clients';
import type { OktaWork } from './okta.js';
import { clientOf, DemoProblem, type Stack } from './stack.js';

export interface Moment {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly what: string;
}

const calls = z.object({
  calls: z.array(
    z.object({ endedAt: z.number(), operation: z.string(), group: z.string().nullable(), outcome: z.string() }),
  ),
});

/** Returns the start of Okta's first request. */
export const startOf = ({ exchanges, deliveries }: OktaWork): number =>
  Math.min(...exchanges.map((e) => e.startedAt), ...deliveries.flatMap((d) => d.attempts.map((a) => a.startedAt)));

/** The times of a case, in the order in which access ends. % stands for the cause. */
const CASE_STEPS = {
  receivedAt: 'An offboarding case opens. The cause is %.',
  heldAt: 'The brake holds the case.',
  releasedAt: 'The case is released.',
  fencedAt: 'The fence is stored: services reject all earlier access tokens.',
  disabledAt: 'Cognito has disabled the user, who can no longer sign in or refresh tokens.',
  signedOutAt: 'Cognito has signed the user out: refresh tokens are revoked.',
  sessionsEndedAt: 'The sessions of the SSO bridge have ended.',
  confirmedAt: 'A read of Cognito confirms that the user is disabled.',
  firstRefusedAt: 'A service rejects an earlier token for the first time.',
} as const;

const READS = ['AdminGetUser', 'AdminListGroupsForUser'];
/** Time limit of the search for records. Services write some records shortly after the step, in batches. */
const LIMIT_MS = 5_000;
const TYPE_PREFIX = 'com.stackflow.';

export class Records {
  private readonly tenant: string;

  private constructor(
    private readonly stack: Stack,
    private readonly cases: OffboardingClient,
    private readonly client: Client,
  ) {
    this.tenant = stack.tenants[0].id;
  }

  static async open(stack: Stack, folder: string): Promise<Records> {
    const client = new Client({ connectionString: stack.postgres });
    await client.connect().catch((error: Error) => {
      throw new DemoProblem(`The stack's Postgres does not answer: ${error.message}`);
    });
    return new Records(stack, new OffboardingClient(clientOf(stack, folder, 'deactivation-worker')), client);
  }

  close(): Promise<void> {
    return this.client.end();
  }

  /** Finds Okta's requests for one person, their events, the responses of Cognito, and changes of roles. */
  async of(work: OktaWork, scimId: string): Promise<Moment[]> {
    const sent = work.exchanges.map((e) => ({ at: e.startedAt, what: `Okta sends ${e.method} ${shorten(e.url)}` }));
    const hook = work.deliveries.flatMap(({ url, events, attempts }) =>
      attempts.flatMap((a) => [
        { at: a.startedAt, what: `Okta sends POST ${shorten(url)} with ${events.map((e) => e.type).join()}` },
        { at: a.endedAt, what: `The event hook endpoint answers ${a.status ?? 'nothing'}.` },
      ]),
    );
    const since = startOf(work);
    const ids = work.exchanges.flatMap((e) => e.requestId ?? []);
    const requests = await this.requests(ids);
    const changing = (await this.cognitoCalls(scimId, since)).map(({ endedAt, group, ...call }) => ({
      at: endedAt,
      what:
        group !== null && call.outcome === 'ResourceNotFoundException'
          ? `Cognito does not have the group ${group} yet, so identity-service creates it.`
          : `Cognito answers ${nameOf(call)}${group === null ? '' : ` for ${group}`}.`,
    }));
    return [
      ...sent,
      ...hook,
      ...requests,
      ...changing,
      ...(await this.events(ids, scimId, since)),
      ...(await this.derived(scimId, since)),
    ];
  }

  /** Waits until the case is completed, which happens shortly after Cognito has disabled the user. */
  async offboarding(work: OktaWork, account: string): Promise<Moment[]> {
    const since = startOf(work);
    const { timings, cause } = await within('The offboarding case of this account is not completed.', async () => {
      const { cases } = await this.cases.timeline(this.tenant, account);
      return cases.find((c) => c.state === 'completed' && Date.parse(c.timings.receivedAt) >= since);
    });
    return Object.entries(CASE_STEPS).flatMap(([step, what]) => {
      const at = timings[step as keyof typeof CASE_STEPS];
      return at === null ? [] : [{ at: Date.parse(at), what: what.replace('%', cause) }];
    });
  }

  /** Returns what Okta, Cognito and auth-service recorded about a sign-in. */
  async ofSignIn(accountId: string, since: number): Promise<Moment[]> {
    const okta = await recorded(`${this.stack.sandbox.okta}/sandbox/calls?since=${since}`);
    const cognito = await this.cognitoCalls(accountId, since);
    const audit = await this.query<{ at: number; event: string }>(
      `select extract(epoch from at) * 1000 as at, event from auth.audit
        where account_id = $1 and tenant = $2 and at >= to_timestamp($3 / 1000.0)`,
      [accountId, this.tenant, since],
    );
    return [
      ...okta
        .filter((c) => c.operation.startsWith('oidc.'))
        .map((c) => ({ at: c.endedAt, what: `Okta answers ${nameOf(c)}.` })),
      ...cognito.map((c) => ({ at: c.endedAt, what: `Cognito answers ${nameOf(c)}.` })),
      ...audit.map(({ at, event }) => ({ at, what: `auth-service records ${event} in the audit log.` })),
    ];
  }

  private async requests(ids: readonly string[]): Promise<Moment[]> {
    const rows = await within("Some of Okta's requests are not in the gateway's request log.", async () => {
      const found = await this.query<{ at: number; answered: number; method: string; status: number }>(
        `select extract(epoch from at) * 1000 as at, extract(epoch from at) * 1000 + duration_ms as answered, method, status
           from directory.scim_request where id = any($1::uuid[]) and tenant_id = $2`,
        [ids, this.tenant],
      );
      return found.length === ids.length ? found : undefined;
    });
    return rows
      .filter(({ method }) => method !== 'GET')
      .flatMap(({ at, answered, method, status }) => [
        { at, what: `The gateway receives ${method}.` },
        { at: answered, what: `The gateway has committed the change and answers ${method} with ${status}.` },
      ]);
  }

  /** Returns no events with Kafka, because the demonstration reads only the event log in Postgres. */
  private async events(ids: readonly string[], scimId: string, since: number): Promise<Moment[]> {
    if (this.stack.carrier === 'kafka') return [];
    const rows = await this.query<{ at: number; stored: number; type: string }>(
      `select extract(epoch from published_at) * 1000 as at, extract(epoch from time) * 1000 as stored, type
         from bus.event_log
        where tenant = $3
          and (causation_id = any($1::text[]) and (subject = $2 or topic = 'directory.groups')
            or subject = $2 and topic in ('identity.access', 'offboarding.cases') and published_at >= to_timestamp($4 / 1000.0))
        order by position`,
      [ids, scimId, this.tenant, since],
    );
    return rows.flatMap(({ at, stored, type }) => {
      const event = type.replace(TYPE_PREFIX, '');
      const published = { at, what: `The event ${event} is published.` };
      return event.startsWith('directory.')
        ? [{ at: stored, what: `The event ${event} is stored.` }, published]
        : [published];
    });
  }

  private async derived(scimId: string, since: number): Promise<Moment[]> {
    return this.query<Moment>(
      `select extract(epoch from granted_at) * 1000 as at, 'identity-service grants the role ' || role || '.' as what
         from identity.role_grant where account_id = $1 and tenant = $2 and granted_at >= to_timestamp($3 / 1000.0)
       union all
       select extract(epoch from revoked_at) * 1000, 'identity-service revokes the role ' || role || '.'
         from identity.role_grant where account_id = $1 and tenant = $2 and revoked_at >= to_timestamp($3 / 1000.0)
       union all
       select extract(epoch from synced_at) * 1000, 'The user in Cognito equals the account in StackFlow.'
         from identity.account where id = $1 and tenant = $2 and synced_at >= to_timestamp($3 / 1000.0)`,
      [scimId, this.tenant, since],
    );
  }

  private async cognitoCalls(subject: string, since: number) {
    const made = await recorded(`${this.stack.sandbox.cognito}/sandbox/calls?subject=${subject}&since=${since}`);
    return made.filter((c) => !READS.includes(c.operation));
  }

  /** Runs a query and converts its times to numbers, because Postgres returns `numeric` as text. */
  private async query<T>(sql: string, values: unknown[]): Promise<T[]> {
    try {
      const { rows } = await this.client.query(sql, values);
      return rows.map((row: Record<string, unknown>) =>
        Object.fromEntries(
          Object.entries(row).map(([k, v]) => [k, ['at', 'answered', 'stored'].includes(k) ? Number(v) : v]),
        ),
      ) as T[];
    } catch (error) {
      throw new DemoProblem(`A query in the stack's database failed: ${(error as Error).message}`);
    }
  }
}

/** Repeats `look` until it returns something. Fails with `problem` after {@link LIMIT_MS}. */
async function within<T>(problem: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await sleep(200)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new DemoProblem(problem);
}

const recorded = async (url: string): Promise<z.output<typeof calls>['calls']> =>
  calls.parse(await (await fetch(url)).json()).calls;

const nameOf = ({ operation, outcome }: { operation: string; outcome: string }): string =>
  outcome === 'ok' ? operation : `${operation} with ${outcome}`;

const shorten = (url: string): string => decodeURIComponent(url.replace(/^https?:\/\/[^/]+/, ''));

/** The start of Okta's first write request or, if there is none, of its first request. */
export const zeroOf = (work: OktaWork): number =>
  work.exchanges.find((e) => e.method !== 'GET')?.startedAt ?? startOf(work);

/** Prints the moments in order of time, each with the milliseconds since `zero`. Okta's earlier reads have none. */
export function printTimeline(moments: readonly Moment[], zero: number, print: (line: string) => void): void {
  for (const { at, what } of moments.toSorted((a, b) => a.at - b.at)) {
    const when = at < zero ? 'before' : `+${(at - zero).toFixed(1)} ms`;
    print(`    ${when.padStart(12)}  ${what}`);
  }
}
