/** A Postgres that hangs: it accepts connections, never answers, and closes nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { HangingPostgres } from '../../../test/support/hanging-postgres.js';
import { until } from '../../../test/support/waiting.js';
import { Database, isDatabaseOutage } from './database.js';
import { createLogger } from './logging.js';

let testDatabase: TestDatabase;
let postgres: HangingPostgres;
let database: Database;
const lines: string[] = [];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  postgres = new HangingPostgres();
  const logger = createLogger('test', 'info', { write: (line) => void lines.push(line) });
  const url = await postgres.start(testDatabase.url('integration-hub'));
  database = await Database.connect({ url, schema: 'hub', poolSize: 3, logger });
});
afterAll(async () => {
  postgres.recover();
  await database.close();
  await postgres.stop();
  await testDatabase.drop();
});

/** Longer than the watch needs, and shorter than every other time-out of a statement. */
const SOON_MS = 20_000;

/** The outcome of work that must end while Postgres still hangs. */
const outcome = (work: Promise<unknown>): Promise<string> =>
  Promise.race([
    work.then(
      () => 'done',
      (error: unknown) => (isDatabaseOutage(error) ? 'outage' : String(error)),
    ),
    sleep(SOON_MS, 'still waiting', { ref: false }),
  ]);

const works = () =>
  database.query('select 1').then(
    () => true,
    () => false,
  );

describe('a Postgres that hangs', () => {
  it('ends running statements, open transactions and waiting callers with an outage, and works again when it answers', async () => {
    const running = [database.query('select pg_sleep(25)'), database.query('select pg_sleep(25)')];
    let inside = () => undefined as void;
    const entered = new Promise<void>((resolve) => (inside = resolve));
    const open = database.tx(async (tx) => {
      await tx.query('select 1');
      inside();
      await tx.query('select pg_sleep(25)');
    });
    await entered;
    const waiting = database.query('select 1');
    postgres.hang();
    expect(await Promise.all([...running, open, waiting].map(outcome))).toEqual(Array(4).fill('outage'));
    expect(await outcome(database.query('select 1'))).toBe('outage');
    expect(await outcome(database.tx((tx) => tx.query('select 1')))).toBe('outage');
    expect(await outcome(database.dataSource.query('select 1'))).toBe('outage');
    postgres.recover();
    await until('an answer', works);
    // No connection of before the pause is left in the pool.
    expect(await Promise.all(Array.from({ length: 12 }, works))).toEqual(Array(12).fill(true));
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      expect.stringContaining('does not answer'),
      'Postgres answers again.',
    ]);
  });

  it('is not suspected because of a statement that runs long', async () => {
    lines.length = 0;
    expect(await outcome(database.query('select pg_sleep(6)'))).toBe('done');
    expect(lines).toEqual([]);
  });

  it('is not suspected because the process itself was busy for seconds', async () => {
    const work = database.query('select pg_sleep(1)');
    await sleep(300);
    for (const end = Date.now() + 4_500; Date.now() < end;);
    expect(await outcome(work)).toBe('done');
    expect(lines).toEqual([]);
  });

  it('loses only connections that are dead, if new ones work', async () => {
    const running = database.query('select pg_sleep(25)');
    await sleep(200);
    postgres.abandonConnections();
    expect(await outcome(running)).toBe('outage');
    await until('an answer', works);
    expect(await Promise.all(Array.from({ length: 12 }, works))).toEqual(Array(12).fill(true));
    expect(lines).toEqual([]);
  });

  it('can be closed while it hangs', async () => {
    const other = new HangingPostgres();
    const url = await other.start(testDatabase.url('integration-hub'));
    const closing = await Database.connect({ url, schema: 'hub' });
    other.hang();
    expect(await outcome(closing.query('select 1'))).toBe('outage');
    expect(await outcome(closing.close())).toBe('done');
    await other.stop();
  });
});
