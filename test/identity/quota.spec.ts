/** Token buckets in Postgres: replicas share the quota, urgent work comes first, and a throttled bucket pauses. */
import { bucketShape, CognitoError, DEFAULT_QUOTAS, QuotaGate, URGENCIES, type Urgency } from '#cognito';
import { Metrics } from '#platform';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { SimulatedClock } from './simulated-clock.js';

describe('the Cognito quota that all replicas share', () => {
  let test: TestDatabase;
  let clock: SimulatedClock;
  beforeAll(async () => {
    test = await createTestDatabase();
    clock = await SimulatedClock.create(test);
  });
  beforeEach(() => clock.start());
  afterEach(() => clock.stop());
  afterAll(async () => {
    await clock.close();
    await test.drop();
  });

  const gate = (quota: number, share = 0.6, maxWaitMs = 10_000): QuotaGate =>
    new QuotaGate({
      database: clock.queryable,
      quotas: { ...DEFAULT_QUOTAS, UserUpdate: quota },
      share,
      metrics: new Metrics('test', { process: false }),
      maxWaitMs,
    });

  /** When each of `count` calls was admitted, in simulated milliseconds since the start. */
  async function admissions(gates: readonly QuotaGate[], count: number, urgency: Urgency): Promise<number[]> {
    const start = performance.now();
    const admission = async (g: QuotaGate | undefined): Promise<number> => {
      await g?.take('UserUpdate', urgency);
      return performance.now() - start;
    };
    const waits = Array.from({ length: count }, (_, i) => admission(gates[i % gates.length]));
    return (await clock.until(Promise.all(waits))).sort((a, b) => a - b);
  }

  it.each<[Urgency, number, number]>([
    // 4 at once (what a full bucket has above the reserve), the other 66 at 24 per second.
    ['urgent', 2_600, 4_200],
    ['bulk', 2_600, 4_200],
    // 24 at once (a full bucket, and as much ahead), the other 46 at 24 per second.
    ['offboarding', 1_800, 3_400],
  ])(
    'never admits more than the quota in any second, however many replicas there are, and no less than its share: %s',
    async (urgency, atLeast, atMost) => {
      const quota = 40;
      const times = await admissions([gate(quota), gate(quota), gate(quota)], 70, urgency);
      expect(mostInASecond(times)).toBeLessThanOrEqual(quota);
      expect(times.at(-1)).toBeGreaterThan(atLeast);
      expect(times.at(-1)).toBeLessThan(atMost);
    },
  );

  it('holds the quota in any second where the share alone would not', async () => {
    const times = await admissions([gate(20, 0.9), gate(20, 0.9)], 60, 'offboarding');
    expect(times.filter((t) => t < 300).length).toBeGreaterThanOrEqual(17); // calls that come together do not queue ...
    expect(mostInASecond(times)).toBeLessThanOrEqual(20); // ... but never exceed the quota
  });

  it('never queues offboardings behind sign-outs, although these take all remaining tokens', async () => {
    const [worker, other] = [gate(25, 0.9), gate(25, 0.9)];
    let left = 80;
    const flood = Promise.all(Array.from({ length: 80 }, () => worker.take('UserUpdate', 'urgent').then(() => left--)));
    const waits: number[] = [];
    for (let bunch = 0; bunch < 20; bunch++) {
      const start = performance.now();
      const takes = [worker, other, worker, other].map((g) => g.take('UserUpdate', 'offboarding'));
      const admitted = Promise.all(takes.map((t) => t.then(() => waits.push(performance.now() - start))));
      await clock.pass(200);
      await clock.until(admitted);
    }
    expect(left).toBeGreaterThan(20); // some sign-outs wait all the time
    const later = waits.slice(20).sort((a, b) => a - b);
    // Without a reserve it is more than 50 ms: the bucket is always empty.
    expect(later[Math.floor(later.length / 2)]).toBeLessThan(20);
    await clock.until(flood);
  });

  it('admits calls of the same urgency in the order of their arrival', async () => {
    const g = gate(50);
    const order: number[] = [];
    await clock.until(
      Promise.all(Array.from({ length: 40 }, (_, i) => g.take('UserUpdate', 'bulk').then(() => order.push(i)))),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('finds tokens for urgent work at once while bulk work waits, also in another replica', async () => {
    const [bulk, urgent] = [gate(50, 0.4), gate(50, 0.4)];
    let left = 120;
    const flood = Promise.all(Array.from({ length: 120 }, () => bulk.take('UserUpdate', 'bulk').then(() => left--)));
    await clock.pass(700);
    expect(left).toBeGreaterThan(60);
    for (const g of [bulk, urgent]) await clock.until(g.take('UserUpdate', 'urgent'));
    expect(left).toBeGreaterThan(0); // earlier bulk calls are still waiting
    await clock.until(flood);
  });

  it('pauses for a second after Cognito throttled, and no longer if Cognito throttled ten times', async () => {
    const g = gate(50);
    await g.take('UserUpdate', 'urgent');
    for (let i = 0; i < 10; i++) await g.drain('UserUpdate');
    const start = performance.now();
    await clock.until(g.take('UserUpdate', 'urgent'));
    const paused = performance.now() - start;
    expect(paused).toBeGreaterThanOrEqual(1_000);
    expect(paused).toBeLessThan(1_500); // a second, and until the bucket has the reserve and one token again
  });

  it('rejects a call as throttled after the longest allowed wait', async () => {
    const g = gate(1, 0.05, 300);
    await g.take('UserUpdate', 'urgent');
    const start = performance.now();
    const refused = await clock.until(g.take('UserUpdate', 'urgent').catch((error: unknown) => error));
    expect(refused).toBeInstanceOf(CognitoError);
    expect((refused as CognitoError).errorClass).toBe('throttled');
    expect(performance.now() - start).toBeLessThan(320);
  });

  it('takes tokens for several waiting calls in one round trip', async () => {
    let trips = 0;
    const counting = {
      query: <T>(sql: string, values?: unknown[]): Promise<T[]> => (trips++, clock.queryable.query<T>(sql, values)),
    };
    const g = new QuotaGate({
      database: counting,
      quotas: { ...DEFAULT_QUOTAS, UserUpdate: 1_000 },
      share: 0.6,
      metrics: new Metrics('test', { process: false }),
    });
    await clock.until(Promise.all(Array.from({ length: 100 }, () => g.take('UserUpdate', 'urgent'))));
    expect(trips).toBeLessThanOrEqual(21);
  });

  it.each([...Object.values(DEFAULT_QUOTAS), 1, 0.2])('admits calls of every urgency for a quota of %d', (quota) => {
    for (const share of [0.01, 0.6, 1])
      for (const urgency of URGENCIES) {
        const { capacity, perSecond, reserve } = bucketShape(quota, share);
        expect(capacity - reserve[urgency]).toBeGreaterThanOrEqual(1);
        expect(perSecond).toBeGreaterThanOrEqual(1);
      }
  });
});

const mostInASecond = (times: readonly number[]): number =>
  Math.max(...times.map((t) => times.filter((u) => u >= t && u < t + 1_000).length));
