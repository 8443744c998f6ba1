/** Which accounts get a slot among those that are synced concurrently; the test holds back Cognito's answers. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UserPool } from '#cognito';
import { Outbox } from '#event-bus';
import { createLogger, Metrics } from '#platform';
import { AccountSync } from '../../apps/identity-service/src/cognito/account-sync.js';
import { Reconciler } from '../../apps/identity-service/src/cognito/reconciler.js';
import { RoleGroups } from '../../apps/identity-service/src/cognito/role-groups.js';
import { HandlerRig } from './handlers.js';
import { eventually } from '../support/waiting.js';

const CONCURRENCY = 8;
const BULK_SLOTS = 6;

describe('the slots of the reconciler', () => {
  let rig: HandlerRig;
  let reconciler: Reconciler;
  const calls = new Map<string, () => void>();
  const started: string[] = [];
  let hold = true;

  /** A pool that answers when the test lets it. */
  const pool = {
    createUser: (id: string) =>
      new Promise<void>((resolve) => {
        started.push(id);
        if (hold) calls.set(id, resolve);
        else resolve();
      }),
    setRandomPassword: () => Promise.resolve(),
    addToGroup: () => Promise.resolve(),
  } as unknown as UserPool;

  beforeAll(async () => {
    rig = await HandlerRig.start();
    reconciler = new Reconciler(
      rig.database,
      new AccountSync(pool, new RoleGroups(rig.database, pool)),
      new Outbox('identity', 'identity-service'),
      createLogger('test', 'error'),
      { RECONCILER_CONCURRENCY: CONCURRENCY, RECONCILER_LEASE_SECONDS: 10 },
      new Metrics('test', { process: false }),
    );
    await reconciler.onApplicationBootstrap();
  });
  afterAll(async () => {
    hold = false;
    calls.forEach((release) => release());
    await reconciler.onModuleDestroy();
    await rig.close();
  });

  const waiting = async (count: number, priority: number): Promise<string[]> => {
    const rows = await rig.database.query<{ id: string }>(
      `insert into account (id, tenant, user_name, status, desired_revision, priority, dirty_since)
       select gen_random_uuid(), $1, 'u' || n, 'active', 1, $2, now() from generate_series(1, $3::int) n returning id`,
      [randomUUID(), priority, count],
    );
    return rows.map((r) => r.id);
  };

  it('keep a quarter for work that is not bulk, and serve reduced access before single changes', async () => {
    const bulk = new Set(await waiting(40, 2));
    await eventually(() => Promise.resolve(expect(calls.size).toBe(BULK_SLOTS)));
    await sleep(400); // the queue polls four more times
    expect(calls.size).toBe(BULK_SLOTS);
    const single = await waiting(2, 1);
    await eventually(() => Promise.resolve(expect(started).toEqual(expect.arrayContaining(single))));
    expect(calls.size).toBe(CONCURRENCY);

    // All slots are taken. The next free one serves the reduced access, although the single change has waited longer.
    const [late] = await waiting(1, 1);
    const [urgent] = await waiting(1, 0);
    calls.get(single[0] ?? '')?.();
    await eventually(() => Promise.resolve(expect(started).toContain(urgent)));
    expect(started).not.toContain(late);
    expect([...calls.keys()].filter((id) => bulk.has(id))).toHaveLength(BULK_SLOTS);
  });
});
