/** Erasure of deleted people in deactivation-worker: the evidence keeps their user name for a while, and nobody is revived. */
import { Eraser } from '#worker';
import type { Person, Tenant } from '../support/identity-directory.js';
import { Rig } from './rig.js';

describe('a person who was deleted', () => {
  let rig: Rig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startWorker();
    tenant = await rig.addTenant();
  });
  afterEach(() => rig.cognito.noFaults());
  afterAll(() => rig.close());

  const erase = async (): Promise<void> => {
    while (await rig.worker.app.get(Eraser).round());
  };
  const row = async ({ id }: Person) =>
    (
      await rig.admin.query(
        'select user_name, external_id, display_name, published_status, deleted from offboarding.person where id = $1',
        [id],
      )
    )[0];
  const age = ({ id }: Person, days: number) =>
    rig.admin.query('update offboarding.person set updated_at = updated_at - make_interval(days => $2) where id = $1', [
      id,
      days,
    ]);

  it('keeps the user name in the evidence, and loses it after ERASE_AFTER_DAYS', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.directory.remove(ada);
    await rig.quiet();
    await erase();
    const erased = { external_id: null, display_name: null, published_status: 'removed', deleted: true };
    expect(await row(ada)).toEqual({ ...erased, user_name: ada.userName });
    await age(ada, 29);
    await erase();
    expect(await row(ada)).toEqual({ ...erased, user_name: ada.userName });
    await age(ada, 2);
    await erase();
    expect(await row(ada)).toEqual({ ...erased, user_name: '' });
    expect((await rig.cases(ada)).map((c) => c.state)).toEqual(['completed']);
  });

  it('keeps everything while the case is not complete', async () => {
    const bea = await rig.addPerson(tenant);
    await rig.cognito.fault({ effect: 'error', error: 'InternalErrorException', operation: 'AdminDisableUser' });
    await rig.directory.remove(bea);
    await rig.eventuallyState(bea, 'running');
    await age(bea, 31);
    await erase();
    expect(await row(bea)).toMatchObject({ user_name: bea.userName, external_id: bea.externalId });
  });

  it('does not affect people who are only deactivated, because they may return', async () => {
    const cid = await rig.addPerson(tenant);
    await rig.directory.setActive(cid, false);
    await rig.quiet();
    await age(cid, 400);
    await erase();
    expect(await row(cid)).toMatchObject({ user_name: cid.userName, external_id: cid.externalId });
  });

  it('is not revived by events that arrive again (P3)', async () => {
    const dan = await rig.addPerson(tenant);
    await rig.directory.remove(dan);
    await rig.quiet();
    await age(dan, 31);
    await erase();
    await rig.admin.query(`delete from offboarding.inbox where key = $1`, [`${tenant.id}:${dan.id}`]);
    expect(await rig.directory.republish(rig.admin, 'subject = $1', [dan.id])).toBeGreaterThan(1);
    await rig.quiet();
    expect(await row(dan)).toMatchObject({ user_name: '', external_id: null, published_status: 'removed' });
  });
});
