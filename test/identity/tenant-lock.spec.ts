/** A re-evaluation of one tenant delays no other tenant, and loses none of the tenant's own events. */
import { lockTenantExclusively } from '../../apps/identity-service/src/accounts/locks.sql.js';
import { IdentityRig } from '../support/identity.js';
import { eventually } from '../support/waiting.js';

describe('identity-service, while a tenant is re-evaluated,', () => {
  let rig: IdentityRig;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
  });
  afterAll(() => rig.close());

  it('handles events of other tenants at once and its own afterwards, and parks none', async () => {
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
      // Enough people that every partition has some of them, behind those of the busy tenant.
      const people = await rig.directory.addPeople(other, 20);
      // This takes well below a second on an idle machine. If the handlers waited for the lock, it would never end.
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
    expect(grant).toEqual({ granted_cause: 'group.members-changed', granted_group: group.id });
  });

  const statuses = async (people: readonly { id: string }[]): Promise<string[]> => {
    const rows = await rig.admin.query<{ id: string; status: string }>(
      'select id, status from identity.account where id = any($1::uuid[])',
      [people.map((p) => p.id)],
    );
    return [...new Set(people.map((p) => rows.find((row) => row.id === p.id)?.status ?? 'missing'))];
  };
});
