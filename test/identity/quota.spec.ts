/** Token buckets in Postgres: the share of the quota holds over replicas, urgent work first, a throttled bucket rests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bucketShape, CognitoError, DEFAULT_QUOTAS, QuotaGate } from '#cognito';
import { Database, Metrics } from '#platform';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

describe('the Cognito quota that all replicas share', () => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = await Database.connect({ url: test.url('identity-service'), schema: 'identity' });
  });
  beforeEach(async () => {
    const admin = await Database.connect({ url: test.adminUrl, schema: 'limits' });
    await admin.query('truncate limits.bucket');
    await admin.close();
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const gate = (quota: number, share = 0.6, maxWaitMs = 10_000): QuotaGate =>
    new QuotaGate({
      database,
      quotas: { ...DEFAULT_QUOTAS, UserUpdate: quota },
      share,
      metrics: new Metrics('test', { process: false }),
      maxWaitMs,
    });

  /** When each of `count` calls was let through, in milliseconds since the start. */
  async function admissions(gates: readonly QuotaGate[], count: number, urgency: 'urgent' | 'bulk'): Promise<number[]> {
    const start = performance.now();
    const admission = async (g: QuotaGate | undefined): Promise<number> => {
      await g?.take('UserUpdate', urgency);
      return performance.now() - start;
    };
    const waits = Array.from({ length: count }, (_, i) => admission(gates[i % gates.length]));
    return (await Promise.all(waits)).sort((a, b) => a - b);
  }

  it('never lets more through than the quota in any second, however many replicas ask, and no less than its share', async () => {
    const quota = 40;
    const times = await admissions([gate(quota), gate(quota), gate(quota)], 70, 'urgent');
    for (const t of times) expect(times.filter((u) => u >= t && u < t + 995).length).toBeLessThanOrEqual(quota);
    // 16 at once (a full bucket), the other 54 at 24 per second.
    expect(times.at(-1)).toBeGreaterThan(1_900);
    expect(times.at(-1)).toBeLessThan(3_500);
  });

  it('is fair: whoever waits longer goes first', async () => {
    const g = gate(50);
    const order: number[] = [];
    await Promise.all(Array.from({ length: 40 }, (_, i) => g.take('UserUpdate', 'bulk').then(() => order.push(i))));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('finds tokens for urgent work at once while bulk work waits, also in another replica', async () => {
    const [bulk, urgent] = [gate(50, 0.4), gate(50, 0.4)];
    let left = 120;
    const flood = Promise.all(Array.from({ length: 120 }, () => bulk.take('UserUpdate', 'bulk').then(() => left--)));
    await sleep(700);
    expect(left).toBeGreaterThan(60);
    for (const g of [bulk, urgent]) await g.take('UserUpdate', 'urgent');
    expect(left).toBeGreaterThan(0); // those who came before are still waiting
    await flood;
  });

  it('rests after Cognito said that it is too much, and does not rest longer for hearing it ten times', async () => {
    const g = gate(50);
    await g.take('UserUpdate', 'urgent');
    for (let i = 0; i < 10; i++) await g.drain('UserUpdate');
    const start = performance.now();
    await g.take('UserUpdate', 'urgent');
    expect(performance.now() - start).toBeGreaterThan(800);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('waits no longer than allowed and then says that it was throttled', async () => {
    const g = gate(1, 0.05, 300);
    await g.take('UserUpdate', 'urgent');
    const start = performance.now();
    const refused = await g.take('UserUpdate', 'urgent').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CognitoError);
    expect((refused as CognitoError).errorClass).toBe('throttled');
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('takes tokens for several waiters in one round trip', async () => {
    let trips = 0;
    const counting = {
      query: <T>(sql: string, values?: unknown[]): Promise<T[]> => (trips++, database.query<T>(sql, values)),
    };
    const g = new QuotaGate({
      database: counting,
      quotas: { ...DEFAULT_QUOTAS, UserUpdate: 1_000 },
      share: 0.6,
      metrics: new Metrics('test', { process: false }),
    });
    await Promise.all(Array.from({ length: 100 }, () => g.take('UserUpdate', 'urgent')));
    expect(trips).toBeLessThanOrEqual(21);
  });

  it('keeps capacity plus rate within the quota for every default', () => {
    for (const quota of Object.values(DEFAULT_QUOTAS)) {
      const { rate, capacity, reserve } = bucketShape(quota, 0.6);
      expect(rate + capacity).toBeLessThanOrEqual(quota + 1e-9);
      expect(capacity - reserve).toBeGreaterThanOrEqual(1);
    }
  });
});
