/** What closes access waits for nothing that belongs to other changes. */
import { eventually, Rig } from './rig.js';

/** More people than the worker has transactions for account events, on all partitions. */
const CROWD = 40;
const EVENT_CONCURRENCY = 4;

describe('the lane for access', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startWorker({ EVENT_CONCURRENCY: String(EVENT_CONCURRENCY) });
  });
  afterAll(() => rig.close());

  it('closes access while every transaction for account events hangs', async () => {
    const tenant = await rig.addTenant();
    const crowd = await rig.addPeople(tenant, CROWD);
    const leaver = await rig.addPerson(tenant);
    const rows = await rig.admin.pool.connect();
    try {
      await rows.query('begin');
      await rows.query('select 1 from offboarding.person where id = any($1::uuid[]) for update', [
        crowd.map(({ id }) => id),
      ]);
      await rig.accounts.publish(crowd, 'roles-changed', ['itsm_agent']);
      await eventually(async () => {
        const hanging = await rig.admin.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        expect(hanging.length).toBeGreaterThanOrEqual(EVENT_CONCURRENCY);
      }, 60_000);
      await rig.directory.setActive(leaver, false);
      await eventually(async () => expect((await rig.access(leaver)).at(-1)?.status).toBe('inactive'), 60_000);
    } finally {
      await rows.query('rollback');
      rows.release();
    }
    await rig.quiet();
    await rig.expectAgreement([...crowd, leaver]);
    const [last] = crowd;
    expect(last && (await rig.access(last)).at(-1)?.roles).toEqual(['itsm_agent']);
  });
});
