import { randomUUID } from 'node:crypto';
import { Database } from '#platform';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { claimInTurns } from './turns.sql.js';

const [LOUD, CALM] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];

describe('claims in turns of tenants', () => {
  let test: TestDatabase;
  let database: Database;
  const claim = claimInTurns({
    table: 'job',
    waiting: 'r.due_at is not null',
    due: 'r.due_at <= clock_timestamp() and r.lease_owner is null',
    before: 'r.priority',
    order: 'r.due_at',
    limit: '$1::int',
  });

  beforeAll(async () => {
    test = await createTestDatabase();
    database = await Database.connect({ url: test.url('sandbox'), schema: 'sandbox' });
    await database.query(
      'create table job (id uuid primary key, tenant uuid not null, priority int not null, due_at timestamptz, lease_owner uuid)',
    );
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });
  beforeEach(async () => {
    await database.query('truncate job');
    await add(LOUD, 50, 60);
    await add(CALM, 3, 10);
  });

  const add = (tenant: string, count: number, ageSeconds: number, priority = 1) =>
    database.query(
      `insert into job select gen_random_uuid(), $1, $4, clock_timestamp() - make_interval(secs => $3 - n * 0.001), null from generate_series(1, $2::int) n`,
      [tenant, count, ageSeconds, priority],
    );
  const lease = async (limit: number): Promise<string[]> => {
    const rows = await database.query<{ tenant: string }>(
      `with due as (${claim}) update job j set lease_owner = $2 from due where j.id = due.id returning j.tenant`,
      [limit, randomUUID()],
    );
    return rows.map(({ tenant }) => (tenant === LOUD ? 'loud' : 'calm'));
  };

  it('give each tenant an equal part, although one has older rows', async () => {
    expect((await lease(6)).sort()).toEqual(['calm', 'calm', 'calm', 'loud', 'loud', 'loud']);
    expect(await lease(2)).toEqual(['loud', 'loud']);
  });

  it('prefer the tenant with fewer rows in work, also if slots become free one by one', async () => {
    expect([...(await lease(1)), ...(await lease(1)), ...(await lease(1))].sort()).toEqual(['calm', 'loud', 'loud']);
  });

  it('take a higher priority first, whoever has it', async () => {
    await add(LOUD, 2, 0.5, 0);
    expect(await lease(3)).toEqual(expect.arrayContaining(['loud', 'loud', 'calm']));
  });

  it('skip rows that another claim has locked', async () => {
    await database.tx(async (tx) => {
      await tx.query('select 1 from job where tenant = $1 for update', [LOUD]);
      expect(await lease(4)).toEqual(['calm', 'calm']);
    });
  });
});
