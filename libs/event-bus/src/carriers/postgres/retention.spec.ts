import { randomUUID } from 'node:crypto';
import { createLogger, Database } from '#platform';
import { createTestDatabase, type TestDatabase } from '../../../../../test/support/database.js';
import { Retention } from './retention.js';

describe('Retention', () => {
  let testDatabase: TestDatabase;
  let admin: Database;
  let service: Database;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    admin = await Database.connect({ url: testDatabase.adminUrl, schema: 'public' });
    service = await Database.connect({ url: testDatabase.url('scim-gateway'), schema: 'directory' });
  });
  afterAll(async () => {
    await Promise.all([admin.close(), service.close()]);
    await testDatabase.drop();
  });

  const log = (topic: string, key: string, sequences: number[], daysAgo: number) =>
    admin.query(
      `insert into bus.event_log (partition, event_id, topic, key, type, source, subject, tenant, sequence, time, causation_id, data, published_at)
       select 3, uuidv7(), $1, $2, 't', 's', 'x', $3, n, now(), 'c', '{}', now() - $5::int * interval '1 day' from unnest($4::bigint[]) n`,
      [topic, key, randomUUID(), sequences, daysAgo],
    );
  const kept = async (topic: string) =>
    (
      await admin.query<{ k: string }>(
        `select key || sequence as k from bus.event_log where topic = $1 order by position`,
        [topic],
      )
    ).map((r) => r.k);
  const retention = (days: number) => new Retention(service, createLogger('test', 'silent'), days);

  it('deletes older events, but keeps the last event of each key of a compacted topic', async () => {
    for (const topic of ['directory.users', 'identity.access']) {
      await log(topic, 'a', [1, 2], 20);
      await log(topic, 'b', [1], 20);
      await log(topic, 'a', [3], 16);
      await log(topic, 'c', [1], 15);
      await log(topic, 'b', [2], 3);
    }
    await log(
      'identity.access',
      'd',
      Array.from({ length: 2_500 }, (_, i) => i + 1),
      0,
    ); // more than one batch
    expect(await retention(14).trim()).toBe(5 + 3);
    expect(await kept('directory.users')).toEqual(['b2']);
    expect((await kept('identity.access')).slice(0, 3)).toEqual(['a3', 'c1', 'b2']);
    expect(await kept('identity.access')).toHaveLength(2_503);
  });

  it('cannot be abused to empty the log: no service may delete rows, and the last day is always kept', async () => {
    await expect(service.query('delete from bus.event_log')).rejects.toThrow(/permission denied/);
    await expect(service.query('update bus.event_log set key = key')).rejects.toThrow(/permission denied/);
    await service.query(`select * from bus.trim_event_log('identity.access', 3, 0, now() + interval '1 year', 100000)`);
    expect(await kept('identity.access')).toHaveLength(2_503);
  });
});
