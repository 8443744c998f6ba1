/** Who gets a place among the accounts that are worked on at the same time; Cognito's answers are held back by hand. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UserPool } from '#cognito';
import { Outbox } from '#event-bus';
import { createLogger, Metrics } from '#platform';
import { AccountSync } from '../../apps/identity-service/src/cognito/account-sync.js';
import { Reconciler } from '../../apps/identity-service/src/cognito/reconciler.js';
import { RoleGroups } from '../../apps/identity-service/src/cognito/role-groups.js';
import { HandlerRig } from './handlers.js';
import { eventually } from './rig.js';

const CONCURRENCY = 8;
const BULK_PLACES = 6;

describe('places of the reconciler', () => {
  let rig: HandlerRig;
  let reconciler: Reconciler;
  const held = new Map<string, () => void>();
  const seen: string[] = [];
  let hold = true;

  /** A pool that answers when the test says so. */
  const pool = {
    createUser: (id: string) =>
      new Promise<void>((resolve) => {
        seen.push(id);
        if (hold) held.set(id, resolve);
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
      new Outbox('identity', '/test'),
      createLogger('test', 'error'),
      { RECONCILER_CONCURRENCY: CONCURRENCY, RECONCILER_LEASE_SECONDS: 10 },
      new Metrics('test', { process: false }),
    );
    await reconciler.onApplicationBootstrap();
  });
  afterAll(async () => {
    hold = false;
    held.forEach((release) => release());
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

  it('keeps a quarter for work that is not bulk, and lets reductions pass single changes', async () => {
    const bulk = new Set(await waiting(40, 2));
    await eventually(() => Promise.resolve(expect(held.size).toBe(BULK_PLACES)));
    await sleep(400); // four more looks at the queue
    expect(held.size).toBe(BULK_PLACES);
    const single = await waiting(2, 1);
    await eventually(() => Promise.resolve(expect(seen).toEqual(expect.arrayContaining(single))));
    expect(held.size).toBe(CONCURRENCY);

    // All places are taken; the next free one goes to the reduction, although the single change has waited longer.
    const [late] = await waiting(1, 1);
    const [urgent] = await waiting(1, 0);
    held.get(single[0] ?? '')?.();
    await eventually(() => Promise.resolve(expect(seen).toContain(urgent)));
    expect(seen).not.toContain(late);
    expect([...held.keys()].filter((id) => bulk.has(id))).toHaveLength(BULK_PLACES);
  });
});
