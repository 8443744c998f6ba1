/** Transactions on a real Postgres, including those that fail. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { startOldPostgres } from '../../../test/support/old-postgres.js';
import { Database, isDatabaseOutage, sqlState, violatedConstraint, type Tx } from './database.js';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = await Database.connect({
    url: testDatabase.adminUrl,
    schema: 'hub',
    poolSize: 2,
    connectTimeoutMs: 1_000,
  });
  await database.query('create table hub.note (id int primary key, text text)');
});
beforeEach(() => database.query('truncate hub.note'));
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const add = (tx: Tx, id: number) => tx.query('insert into note (id) values ($1)', [id]);
const ids = async () => (await database.query<{ id: number }>('select id from note order by id')).map((r) => r.id);
const fail = () => {
  throw new Error('changed my mind');
};

describe('a transaction', () => {
  it('commits all of its writes or none', async () => {
    await database.tx(async (tx) => void (await add(tx, 1), await add(tx, 2)));
    await expect(database.tx(async (tx) => (await add(tx, 3), fail()))).rejects.toThrow('changed my mind');
    expect(await ids()).toEqual([1, 2]);
  });

  it('refuses statements after its end, whether committed or rolled back', async () => {
    let kept: Tx | undefined;
    await database.tx(async (tx) => void (kept = tx));
    await expect(kept?.query('select 1')).rejects.toThrow('has ended');
    await database.tx(async (tx) => ((kept = tx), fail())).catch(() => undefined);
    await expect(kept?.query('select 1')).rejects.toThrow('has ended');
  });

  it('runs hints after the commit, never after a rollback, and ignores a hint that fails', async () => {
    const ran: string[] = [];
    const result = await database.tx(async (tx) => {
      tx.afterCommit(() => ran.push(`after ${ran.length}`));
      tx.afterCommit(fail);
      tx.afterCommit(() => ran.push('last'));
      await add(tx, 1);
      expect(ran).toEqual([]);
      return 'done';
    });
    await database.tx(async (tx) => (tx.afterCommit(() => ran.push('never')), fail())).catch(() => undefined);
    expect({ result, ran }).toEqual({ result: 'done', ran: ['after 0', 'last'] });
  });

  it('does not report success when a failed statement was ignored (P1)', async () => {
    const work = database.tx(async (tx) => {
      await add(tx, 1);
      await add(tx, 1).catch(() => undefined);
    });
    await expect(work).rejects.toThrow('rolled back');
    expect(await ids()).toEqual([]);
  });

  it('continues after a failed savepoint, without the writes of that savepoint', async () => {
    await database.tx(async (tx) => {
      await add(tx, 1);
      const error = await tx.savepoint(async () => (await add(tx, 2), await add(tx, 1))).catch((e: unknown) => e);
      expect(sqlState(error)).toBe('23505');
      expect(violatedConstraint(error)).toBe('note_pkey');
      await tx.savepoint(() => add(tx, 3));
    });
    expect(await ids()).toEqual([1, 3]);
  });

  it('undoes an outer savepoint completely although an inner one failed before', async () => {
    await database.tx(async (tx) => {
      await add(tx, 1);
      await tx
        .savepoint(async () => {
          await add(tx, 2);
          await tx.savepoint(() => add(tx, 1)).catch(() => undefined);
          fail();
        })
        .catch(() => undefined);
    });
    expect(await ids()).toEqual([1]);
  });

  it('is rolled back when its connection dies, and the pool provides a working one next time', async () => {
    const error = await database
      .tx(async (tx) => {
        await add(tx, 1);
        await tx.query('select pg_terminate_backend(pg_backend_pid())');
      })
      .catch((e: unknown) => e);
    expect(isDatabaseOutage(error)).toBe(true);
    for (let i = 0; i < 4; i++) await database.tx((tx) => add(tx, 10 + i));
    expect(await ids()).toEqual([10, 11, 12, 13]);
  });

  it('uses its own schema and respects the statement time-out', async () => {
    const impatient = await Database.connect({
      url: testDatabase.adminUrl,
      schema: 'hub',
      statementTimeoutMs: 50,
    });
    try {
      expect(sqlState(await impatient.query('select pg_sleep(5)').catch((e: unknown) => e))).toBe('57014');
      expect(await impatient.query('select current_schema() as s')).toEqual([{ s: 'hub' }]);
    } finally {
      await impatient.close();
    }
  });
});

it('refuses a server that is older than PostgreSQL 18', async () => {
  const old = await startOldPostgres(testDatabase.adminUrl);
  const error: unknown = await Database.connect({ url: old.url, schema: 'hub' }).catch((e: unknown) => e);
  expect(error).toMatchObject({ message: 'PostgreSQL 18 or newer is needed; this server is 15.4' });
  expect(isDatabaseOutage(error)).toBe(false); // a new attempt cannot succeed
  await old.close();
});

describe('an outage', () => {
  it('is a closed port, a silent server or an exhausted pool', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo;
    const connect = (url: string) =>
      Database.connect({ url, schema: 'hub', connectTimeoutMs: 200 }).catch((e: unknown) => e);
    expect(isDatabaseOutage(await connect('postgres://x:y@127.0.0.1:9/z'))).toBe(true);
    expect(isDatabaseOutage(await connect(`postgres://x:y@127.0.0.1:${port}/z`))).toBe(true);
    mute.close();

    const held = await Promise.all([database.pool.connect(), database.pool.connect()]);
    expect(isDatabaseOutage(await database.query('select 1').catch((e: unknown) => e))).toBe(true);
    for (const client of held) client.release();
  });

  it('is not a wrong statement, a violated constraint, a missing database, or a value that is not an error', async () => {
    const missing = new URL(testDatabase.adminUrl);
    missing.pathname = '/there_is_none';
    const failures = [
      await database.query('selec').catch((e: unknown) => e),
      await database.query('insert into note values (1), (1)').catch((e: unknown) => e),
      await Database.connect({ url: missing.href, schema: 'hub' }).catch((e: unknown) => e),
      'ECONNREFUSED',
      undefined,
    ];
    expect(failures.map(sqlState)).toEqual(['42601', '23505', '3D000', undefined, undefined]);
    expect(failures.map(isDatabaseOutage)).toEqual(failures.map(() => false));
  });

  it.each([
    ['57P01', true],
    ['57P03', true],
    ['08006', true],
    ['53300', true],
    ['ECONNRESET', true],
    ['40001', false],
    ['23505', false],
    ['57014', false],
  ])('code %s: %s', (code, expected) => {
    expect(isDatabaseOutage(Object.assign(new Error('x'), { code }))).toBe(expected);
    expect(isDatabaseOutage(new AggregateError([new Error('y'), Object.assign(new Error('x'), { code })]))).toBe(
      expected,
    );
  });
});
