import { randomUUID } from 'node:crypto';
import { sampleEvent } from '../../../events/src/samples.js';
import { Database } from '#platform';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { defer } from './deferred.sql.js';
import { passGate } from './gate.sql.js';

const TOPIC = 'directory.groups';

describe('the gate of a batch', () => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await Database.connect({ url: test.url('identity-service'), schema: 'identity' });
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const event = (subject: string, sequence: number) =>
    sampleEvent('com.stackflow.directory.group.created.v1', { subject, sequence });

  it('drops the events of an erased tenant, and of no other', async () => {
    const [kept, dropped] = [event(randomUUID(), 1), { ...event(randomUUID(), 1), tenant: randomUUID() }];
    await database.query('insert into erased_tenant (tenant) values ($1)', [dropped.tenant]);
    const { passed } = await database.tx((tx) => passGate(tx, 'identity', 'g', TOPIC, [dropped, kept]));
    expect([...passed]).toEqual([kept]);
    expect(await database.query('select 1 from inbox where key = $1', [dropped.key])).toEqual([]);
  });

  it('refuses an older event that arrives alone, and lets the next one pass', async () => {
    const subject = randomUUID();
    const passes = async (...sequences: number[]): Promise<number[]> =>
      database.tx(async (tx) => {
        const events = sequences.map((n) => event(subject, n));
        const { passed } = await passGate(tx, 'identity', 'g', TOPIC, events);
        return [...passed].map(({ sequence }) => sequence);
      });
    expect(await passes(5, 6, 7)).toEqual([5, 6, 7]);
    expect(await passes(3)).toEqual([]);
    expect(await passes(6, 7, 8)).toEqual([8]);
  });

  it('sees the events that a former owner of the partition deferred while this batch waited for it', async () => {
    const subject = randomUUID();
    let waits: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    const former = database.tx(async (tx) => {
      await passGate(tx, 'identity', 'g', TOPIC, [event(subject, 1)]);
      await waiting;
      await defer(tx, 'identity', 'g', TOPIC, [{ partition: 0, position: '1', event: event(subject, 1) }]);
    });
    const next = database.tx(async (tx) => {
      const gate = passGate(tx, 'identity', 'g', TOPIC, [event(subject, 1), event(subject, 2)]);
      for (let blocked = false; !blocked;)
        blocked =
          (await database.query(`select 1 from pg_locks where not granted and locktype = 'transactionid'`)).length > 0;
      waits();
      return gate;
    });
    const [, gate] = await Promise.all([former, next]);
    expect([...gate.passed].map(({ sequence }) => sequence)).toEqual([2]);
    expect([...gate.deferred]).toEqual([event(subject, 2).key]);
  });
});
