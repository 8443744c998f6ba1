/** The lookup before each push reads a few rows, whatever the size of the directory. */
import { reportStatistics, startGateway, type TestGateway, type TestTenant } from '../support/gateway.js';

const PEOPLE = 5_000;
const LOOKUPS = 20;

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  gateway = await startGateway();
  tenant = await gateway.createTenant();
  await gateway.sql(
    `insert into directory.users (tenant_id, id, user_name, user_name_key, external_id, active, email, resource, version, created_at, updated_at, created_request)
     select $1, gen_random_uuid(), 'P' || n || '@x.example', 'p' || n || '@x.example', '00u' || n, true, null,
       jsonb_build_object('userName', 'P' || n || '@x.example', 'externalId', '00u' || n, 'active', true), 1, now(), now(), gen_random_uuid()
     from generate_series(1, ${PEOPLE}) n`,
    [tenant.id],
  );
  await gateway.sql('analyze directory.users'); // what autovacuum does within a minute
});
afterAll(() => gateway.close());

/** Rows that Postgres read from the table, with or without an index. */
async function rowsRead(): Promise<number> {
  await reportStatistics(gateway);
  const [row] = await gateway.sql<{ n: string }>(
    `select seq_tup_read + coalesce(idx_tup_fetch, 0) as n from pg_stat_user_tables where schemaname = 'directory' and relname = 'users'`,
  );
  return Number(row?.n ?? 0);
}

it.each(['userName eq "p4711@X.example"', 'externalId eq "00u4711"', 'userName eq "nobody@x.example"'])(
  'the lookup %s reads a few rows only',
  async (filter) => {
    const before = await rowsRead();
    for (let n = 0; n < LOOKUPS; n++) {
      const reply = await tenant.send('GET', `/Users?filter=${encodeURIComponent(filter)}&startIndex=1&count=100`);
      expect(reply.body.totalResults).toBe(filter.includes('nobody') ? 0 : 1);
    }
    expect((await rowsRead()) - before).toBeLessThan(LOOKUPS * 5);
  },
);
