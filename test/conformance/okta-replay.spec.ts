/**
 * Replays recorded and documented Okta traffic (`../shared/cases/okta-replay.json`) against the gateway, and checks the
 * events of each case. Every write is then sent a second time, unchanged, and must cause no event.
 */
import { shortType, startGateway, type Reply, type TestGateway, type TestTenant } from '../support/gateway.js';
import { readCases } from './cases.js';
import { fixtureOf } from './okta-replay.fixtures.js';

interface Step {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: string | Record<string, string>;
    readonly body?: unknown;
  };
  readonly expect: {
    readonly status: readonly number[];
    readonly body?: Record<string, unknown>;
    readonly note?: string;
  };
  readonly capture?: Record<string, string>;
}
interface Case {
  readonly id: string;
  readonly title: string;
  readonly steps: readonly Step[];
}
interface Replay {
  readonly headerSets: Record<string, Record<string, string>>;
  readonly cases: readonly Case[];
}

const replay = readCases<Replay>('okta-replay.json') ?? { headerSets: {}, cases: [] };
const suite = replay.cases.length > 0 ? describe : describe.skip;

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  gateway = await startGateway();
});
beforeEach(async () => {
  tenant = await gateway.createTenant();
});
afterAll(() => gateway.close());

const fill = (text: string, variables: Readonly<Record<string, string>>): string =>
  text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`no fixture for {{${name}}}`);
    return value;
  });

function headersOf({ request }: Step, variables: Readonly<Record<string, string>>): Record<string, string> {
  if (typeof request.headers !== 'string')
    return JSON.parse(fill(JSON.stringify(request.headers), variables)) as Record<string, string>;
  const [set = '', ...rest] = request.headers.split(' ');
  const headers = JSON.parse(fill(JSON.stringify(replay.headerSets[set]), variables)) as Record<string, string>;
  return rest.length > 0 ? { ...headers, Authorization: 'Bearer wrong' } : headers;
}

async function send(step: Step, variables: Readonly<Record<string, string>>): Promise<Reply> {
  const { method, path, body } = step.request;
  const text = body === undefined ? undefined : fill(JSON.stringify(body), variables);
  return tenant.send(method, fill(path, variables), text, { authorization: null, headers: headersOf(step, variables) });
}

const at = (body: unknown, path: string): unknown =>
  path in (body as object)
    ? (body as Record<string, unknown>)[path]
    : path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], body);

function check(step: Step, reply: Reply, variables: Readonly<Record<string, string>>): void {
  const context = `${step.request.method} ${step.request.path} -> ${reply.status} ${reply.text.slice(0, 300)}`;
  if (!step.expect.status.includes(reply.status))
    throw new Error(`expected ${step.expect.status.join(' or ')}: ${context}`);
  if (reply.status !== 204) expect(reply.headers['content-type']).toBe('application/scim+json; charset=utf-8');
  if (reply.status === 204) return;
  for (const [path, value] of Object.entries(step.expect.body ?? {}))
    expect([path, at(reply.body, path)]).toEqual([path, JSON.parse(fill(JSON.stringify(value), variables))]);
}

/** Events about different users have no order among each other. */
const inAnyOrder = (types: string[]): string[] => (types.every((t) => t.startsWith('user.')) ? types.sort() : types);

suite('recorded Okta traffic', () => {
  it('has the cases and steps that were reviewed', () => {
    expect(replay.cases.length).toBe(23);
    expect(replay.cases.flatMap((c) => c.steps).length).toBe(44);
  });

  it.each(replay.cases.map((c) => [c.id, c.title, c] as const))(
    'gets the expected answers and causes the expected events: %s: %s',
    async (id, _title, { steps }) => {
      const fixture = fixtureOf(id);
      const variables: Record<string, string> = { token: tenant.token, ...(await fixture.setUp?.(tenant)) };
      const seen: string[] = [];
      for (const step of steps) {
        const before = (await tenant.events()).length;
        const reply = await send(step, variables);
        check(step, reply, variables);
        for (const [name, key] of Object.entries(step.capture ?? {})) variables[name] = at(reply.body, key) as string;
        seen.push(...inAnyOrder((await tenant.events()).slice(before).map(shortType)));
        if (step.request.method === 'GET') continue;
        const after = (await tenant.events()).length;
        await send(step, variables);
        expect((await tenant.events()).slice(after).map(shortType)).toEqual([]);
      }
      expect(seen).toEqual(fixture.events);
      await fixture.verify?.(tenant, variables);
    },
  );
});
