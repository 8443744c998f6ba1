/** Leases on accounts, and the heartbeat of the process that holds them. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '#platform';
import { WorkerLease } from '#worker';
import { releaseForgotten } from '../../apps/identity-service/src/cognito/queue.sql.js';
import { HandlerRig } from './handlers.js';
import { eventually } from '../support/waiting.js';

describe('the lease of a worker', () => {
  let rig: HandlerRig;
  beforeAll(async () => {
    rig = await HandlerRig.start();
  });
  afterAll(() => rig.close());

  const owner = async (account: string): Promise<string | null | undefined> =>
    (
      await rig.database.query<{ lease_owner: string | null }>('select lease_owner from account where id = $1', [
        account,
      ])
    )[0]?.lease_owner;

  it('is kept while the result of a claim is pending, and released when nothing works on the account', async () => {
    const account = randomUUID();
    await rig.database.query(`insert into account (id, tenant, user_name) values ($1, $2, 'ada')`, [
      account,
      randomUUID(),
    ]);
    const active: string[] = [];
    const lease = new WorkerLease(rig.database, createLogger('test', 'silent'), 0.5, () => active, releaseForgotten);
    await lease.start();
    try {
      await lease.claiming(async () => {
        await rig.database.query('update account set lease_owner = $2 where id = $1', [account, lease.id]);
        // Heartbeats come every 100 ms, while the claim has committed and its result has not arrived.
        await sleep(500);
        active.push(account);
      });
      await sleep(500);
      expect(await owner(account)).toBe(lease.id);
      active.pop();
      await eventually(async () => expect(await owner(account)).toBeNull());
    } finally {
      await lease.stop();
    }
  });
});
