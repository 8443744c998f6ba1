/** The end of access waits for nothing that belongs to other changes. */
import { eventually, Rig } from './rig.js';

/** The only transaction for account events waits for one of these people. */
const CROWD = 10;

describe('the lane for access', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startWorker({ EVENT_CONCURRENCY: '1' });
  });
  afterAll(() => rig.close());

  it('closes access while the transaction for account events hangs', async () => {
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
      const hanging = () =>
        rig.admin.query(
          `select pid, xact_start from pg_stat_activity where datname = current_database() and wait_event = 'transactionid'`,
        );
      await eventually(async () => expect(await hanging()).toHaveLength(1), 60_000);
      const before = await hanging();
      await rig.directory.setActive(leaver, false);
      await eventually(async () => expect((await rig.access(leaver)).at(-1)?.status).toBe('inactive'), 60_000);
      expect(await hanging()).toEqual(before); // the same transaction, so nothing else of its group was consumed
    } finally {
      await rows.query('rollback');
      rows.release();
    }
    await rig.quiet();
    await rig.expectAgreement([...crowd, leaver]);
    const [last] = crowd;
    expect(last && (await rig.access(last)).at(-1)?.roles).toEqual(['itsm_agent']);
  }, 120_000);
});
