/** `GET /internal/tenants/:tenant/audit`, through the typed client that operators' tools use. */
import { randomUUID } from 'node:crypto';
import { ApiProblem, AuthServiceClient, InternalClient, type AuditQuery } from '#contracts';
import { world } from './world.js';
import { TOKEN } from '../support/internal-api.js';

const { rig, service, tenant } = await world();
const client = (token = TOKEN): AuthServiceClient =>
  new AuthServiceClient(new InternalClient({ service: 'auth-service', url: service.url, token }));
const [ada, eve, other] = [randomUUID(), randomUUID(), randomUUID()];

const insert = (code: string, row: { event?: string; account?: string; tenant?: string; daysAgo?: number } = {}) =>
  rig.admin.query(
    `insert into auth.audit (at, tenant, event, code, account_id, detail)
     values (clock_timestamp() - make_interval(days => $5), $1, $2, $3, $4, '{"key":"value"}')`,
    [row.tenant ?? tenant, row.event ?? 'login', code, row.account ?? null, row.daysAgo ?? 0],
  );
const codes = async (query: AuditQuery = {}): Promise<(string | null)[]> =>
  (await client().audit(tenant, query)).entries.map((entry) => entry.code);

beforeAll(async () => {
  await insert('first', { account: ada, daysAgo: 3 });
  await insert('second', { event: 'login_refused', account: eve, daysAgo: 2 });
  await insert('foreign', { tenant: other });
  await insert('third', { event: 'login_refused', account: ada, daysAgo: 1 });
});

it('answers the entries of the tenant, newest first', async () => {
  expect(await codes()).toEqual(['third', 'second', 'first']);
  const page = await client().audit(tenant, { limit: 1 });
  expect(page.entries).toEqual([
    {
      at: expect.stringMatching(/Z$/),
      event: 'login_refused',
      code: 'third',
      account: ada,
      session: null,
      detail: { key: 'value' },
    },
  ]);
});

it('filters by account, event and instant', async () => {
  expect(await codes({ account: ada })).toEqual(['third', 'first']);
  expect(await codes({ event: 'login_refused' })).toEqual(['third', 'second']);
  expect(await codes({ event: 'login_refused', account: eve })).toEqual(['second']);
  expect(await codes({ since: new Date(Date.now() - 2.5 * 86_400_000).toISOString() })).toEqual(['third', 'second']);
});

it('answers page after page, also while new entries are written', async () => {
  const first = await client().audit(tenant, { limit: 2 });
  await insert('fourth');
  const last = await client().audit(tenant, { limit: 2, cursor: first.next ?? '' });
  expect([first, last].map(({ entries }) => entries.map(({ code }) => code))).toEqual([['third', 'second'], ['first']]);
  expect(last.next).toBeNull();
});

it.each<[string, object]>([
  ['an account that is no UUID', { account: 'ada' }],
  ['an unknown event', { event: 'lunch' }],
  ['a limit of 0', { limit: 0 }],
  ['a cursor of its own making', { cursor: 'MSBvciAx' }],
  ['an unknown parameter', { until: '2026-01-01T00:00:00Z' }],
])('refuses %s', async (_, query) => {
  await expect(client().audit(tenant, query)).rejects.toMatchObject({ code: 'invalid_request' });
});

it('needs a credential', async () => {
  const error: unknown = await client('wrong')
    .audit(tenant)
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ApiProblem);
  expect(error).toMatchObject({ code: 'unauthenticated' });
});

it('lists the tenants that the service knows', async () => {
  expect(await client().tenants()).toEqual([expect.objectContaining({ id: tenant, slug: 'default' })]);
});
