/** One tenant's re-evaluation is nobody else's business, and loses nothing of its own. */
import { lockTenantExclusively } from '../../apps/identity-service/src/accounts/locks.sql.js';
import { eventually, Rig } from './rig.js';

describe('while a tenant is re-evaluated', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService();
  });
  afterAll(() => rig.close());

  it('events of other tenants are handled at once, its own afterwards, and none is parked', async () => {
    const [busy, other] = [await rig.addTenant(), await rig.addTenant()];
    const group = await rig.directory.addGroup(busy, 'StackFlow-Viewers');
    const ida = await rig.directory.addPerson(busy, 'ida');
    const old = await rig.directory.addPerson(busy, 'old');
    await rig.quiet();
    await rig.admin.tx(async (tx) => {
      await lockTenantExclusively(tx, busy.id);
      await rig.directory.join(ida, group);
      await rig.directory.setActive(old, false);
      const fresh = await rig.directory.addPeople(busy, 20, group);
      // Enough people for every partition, behind those of the busy tenant.
      const people = await rig.directory.addPeople(other, 20);
      // Well below a second on an idle machine; without end if they waited.
      await eventually(async () => expect(await statuses(people)).toEqual(['active']), 5_000);
      await eventually(async () => expect(await statuses(fresh)).toEqual(['inactive']));
    });
    await rig.quiet();
    expect(await rig.admin.query('select error from identity.parked_event')).toEqual([]);
    await rig.expectConverged();
    const [grant] = await rig.admin.query(
      'select granted_cause, granted_group from identity.role_grant where account_id = $1',
      [ida.id],
    );
    expect(grant).toEqual({ granted_cause: 'user.joined-group', granted_group: group.id });
  });

  const statuses = async (people: readonly { id: string }[]): Promise<string[]> => {
    const rows = await rig.admin.query<{ id: string; status: string }>(
      'select id, status from identity.account where id = any($1::uuid[])',
      [people.map((p) => p.id)],
    );
    return [...new Set(people.map((p) => rows.find((row) => row.id === p.id)?.status ?? 'missing'))];
  };
});
