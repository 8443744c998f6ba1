/** Mappings, names of groups, and switches: re-evaluations of whole tenants, and the effect of group sync. */
import type { Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';

describe('roles after a change of settings or groups', () => {
  let rig: IdentityRig;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
  });
  afterAll(() => rig.close());

  const rolesOf = async (id: string): Promise<string[] | undefined> => (await rig.cognito.user(id))?.groups.slice();
  const grants = async (tenant: Tenant, id: string): Promise<Record<string, unknown>[]> =>
    (
      await rig.http<{ grants: Record<string, unknown>[] }>(
        'GET',
        `/internal/tenants/${tenant.id}/accounts/${id}/grants`,
      )
    ).body.grants;

  it('follow a changed mapping for everybody, with the version of the settings as the cause', async () => {
    const tenant = await rig.addTenant();
    const group = await rig.directory.addGroup(tenant, 'Helpdesk');
    const ann = await rig.directory.addPerson(tenant, 'ann');
    await rig.directory.join(ann, group);
    await rig.quiet();
    expect(await rolesOf(ann.id)).toEqual([]);
    await rig.directory.map(tenant, ['HELPDESK', 'itsm_agent']);
    await rig.quiet();
    expect(await rolesOf(ann.id)).toEqual(['itsm_agent']);
    await rig.directory.configure(tenant, { roleMappings: [{ role: 'viewer', group: { id: group.id } }] });
    await rig.quiet();
    expect(await rolesOf(ann.id)).toEqual(['viewer']);
    expect(await grants(tenant, ann.id)).toMatchObject([
      {
        role: 'itsm_agent',
        grantedCause: 'settings.changed',
        grantedCausationId: 'settings:2',
        grantedMappingVersion: 2,
        grantedGroup: group.id,
        revokedCause: 'settings.changed',
        revokedCausationId: 'settings:3',
        revokedMappingVersion: 3,
      },
      { role: 'viewer', grantedCausationId: 'settings:3', grantedMappingVersion: 3, revokedAt: null },
    ]);
  });

  it('follow the group that first had the mapped name, whatever its name becomes, and end when the group is deleted', async () => {
    const tenant = await rig.addTenant();
    const group = await rig.directory.addGroup(tenant, 'Interns');
    const ian = await rig.directory.addPerson(tenant, 'ian');
    await rig.directory.join(ian, group);
    await rig.quiet();
    await rig.directory.rename(group, 'StackFlow-Viewers');
    await rig.quiet();
    expect(await rolesOf(ian.id)).toEqual(['viewer']);
    await rig.directory.rename(group, 'Interns again');
    await rig.quiet();
    expect(await rolesOf(ian.id)).toEqual(['viewer']);
    await rig.directory.rename(group, 'STACKFLOW-AGENTS');
    await rig.quiet();
    expect(await rolesOf(ian.id)).toEqual(['itsm_agent', 'viewer']);
    await rig.directory.removeGroup(group);
    await rig.quiet();
    expect(await rolesOf(ian.id)).toEqual([]);
    expect((await grants(tenant, ian.id)).map((g) => [g.role, g.grantedCause])).toEqual([
      ['viewer', 'group.renamed'],
      ['itsm_agent', 'group.renamed'],
    ]);
  });

  it('stay as they are while group sync is off, except for offboarding, and follow the groups after it is switched on', async () => {
    const tenant = await rig.addTenant();
    const agents = await rig.directory.addGroup(tenant, 'StackFlow-Agents');
    const admins = await rig.directory.addGroup(tenant, 'StackFlow-Admins');
    const gus = await rig.directory.addPerson(tenant, 'gus');
    await rig.directory.join(gus, agents);
    await rig.quiet();
    await rig.directory.configure(tenant, { groupSync: false });
    await rig.quiet();
    await rig.directory.leave(gus, agents);
    await rig.directory.join(gus, admins);
    await rig.directory.map(tenant, ['StackFlow-Admins', 'viewer']);
    const late = await rig.directory.addPerson(tenant, 'late');
    await rig.directory.join(late, admins);
    await rig.quiet();
    expect(await rolesOf(gus.id)).toEqual(['itsm_agent']);
    expect(await rolesOf(late.id)).toEqual([]);
    await rig.directory.setActive(gus, false);
    await rig.quiet();
    expect(await rolesOf(gus.id)).toEqual([]);
    await rig.directory.setActive(gus, true);
    await rig.quiet();
    expect(await rolesOf(gus.id)).toEqual(['itsm_agent']);
    await rig.directory.configure(tenant, { groupSync: true });
    await rig.quiet();
    expect(await rolesOf(gus.id)).toEqual(['viewer']);
    expect(await rolesOf(late.id)).toEqual(['viewer']);
  });

  it('stay for a deactivated person without "deactivate on offboard", and end when it is switched on', async () => {
    const tenant = await rig.addTenant({ deactivateOnOffboard: false });
    const group = await rig.directory.addGroup(tenant, 'StackFlow-Viewers');
    const mia = await rig.directory.addPerson(tenant, 'mia');
    await rig.directory.join(mia, group);
    await rig.quiet(); // topics have no order among each other: the settings must be there before the deactivation
    await rig.directory.setActive(mia, false);
    await rig.quiet();
    expect(await rolesOf(mia.id)).toEqual(['viewer']);
    await rig.directory.configure(tenant, { deactivateOnOffboard: true });
    await rig.quiet();
    expect(await rolesOf(mia.id)).toEqual([]);
    const { body } = await rig.http<{ status: string }>('GET', `/internal/tenants/${tenant.id}/accounts/${mia.id}`);
    expect(body.status).toBe('inactive');
  });

  it('come back for no deactivated or never active person when "deactivate on offboard" is switched off', async () => {
    const tenant = await rig.addTenant();
    const group = await rig.directory.addGroup(tenant, 'StackFlow-Viewers');
    const [eli, noa] = [
      await rig.directory.addPerson(tenant, 'eli'),
      await rig.directory.addPerson(tenant, 'noa', { active: false }),
    ];
    for (const person of [eli, noa]) await rig.directory.join(person, group);
    await rig.quiet(); // a person who is deactivated before Cognito has the user is never created there
    await rig.directory.setActive(eli, false);
    await rig.quiet();
    await rig.directory.configure(tenant, { deactivateOnOffboard: false });
    await rig.directory.update(eli, { displayName: 'Eli, retired' });
    await rig.quiet();
    for (const { id } of [eli, noa])
      expect((await rig.http('GET', `/internal/tenants/${tenant.id}/accounts/${id}`)).body).toMatchObject({
        status: 'inactive',
        roles: [],
      });
    expect(await rolesOf(eli.id)).toEqual([]);
    expect(await rig.cognito.user(noa.id)).toBeUndefined();
    await rig.directory.setActive(eli, true);
    await rig.quiet();
    expect(await rolesOf(eli.id)).toEqual(['viewer']);
  });

  it('are announced with another primary role when only the order of roles changes', async () => {
    const tenant = await rig.addTenant({
      roleMappings: [
        { role: 'viewer', group: { name: 'Both' } },
        { role: 'itsm_agent', group: { name: 'Both' } },
      ],
    });
    const group = await rig.directory.addGroup(tenant, 'Both');
    const dan = await rig.directory.addPerson(tenant, 'dan');
    await rig.directory.join(dan, group);
    await rig.quiet();
    expect((await rig.cognito.user(dan.id))?.attributes['custom:role']).toBe('itsm_agent');
    await rig.directory.configure(tenant, { roles: ['viewer', 'itsm_agent', 'itsm_manager', 'super_admin'] });
    await rig.quiet();
    expect(await rig.cognito.user(dan.id)).toMatchObject({
      groups: ['itsm_agent', 'viewer'],
      attributes: { 'custom:role': 'viewer' },
    });
    const [last] = await rig.admin.query<{ data: unknown }>(
      `select data from bus.event_log where subject = $1 and type like '%roles-changed%' order by position desc limit 1`,
      [dan.id],
    );
    expect(last?.data).toMatchObject({ granted: [], revoked: [], account: { primaryRole: 'viewer' } });
  });

  it('are the same if events about a group arrive after those about its members, or after its deletion', async () => {
    const tenant = await rig.addTenant();
    const group = rig.directory.silentGroup(tenant, 'StackFlow-Viewers');
    const lea = await rig.directory.addPerson(tenant, 'lea');
    await rig.directory.join(lea, group);
    await rig.quiet();
    expect(await rolesOf(lea.id)).toEqual(['viewer']);
    await rig.directory.rename(group, 'Gone soon');
    await rig.quiet();
    // The creation under the old name arrives last.
    await rig.directory.publishCreated({ ...group, displayName: 'StackFlow-Admins' });
    await rig.quiet();
    expect(await rolesOf(lea.id)).toEqual(['viewer']);
    await rig.directory.removeGroup(group);
    await rig.quiet();
    expect(await rolesOf(lea.id)).toEqual([]);
    const ben = await rig.directory.addPerson(tenant, 'ben');
    // A join that was on its way when the group was deleted still carries it.
    await rig.directory.join(ben, { ...group, displayName: 'StackFlow-Admins', version: 99 });
    await rig.quiet();
    expect(await rolesOf(ben.id)).toEqual([]);
    const closed = await rig.directory.addGroup(tenant, 'StackFlow-Viewers');
    await rig.directory.removeGroup(closed);
    await rig.directory.join(ben, closed); // the deleted group has a mapped name
    await rig.quiet();
    expect(await rolesOf(ben.id)).toEqual([]);
  });

  it('never change in another tenant that has a group of the same name', async () => {
    const one = await rig.addTenant();
    const two = await rig.addTenant();
    const [groupOne, groupTwo] = [
      await rig.directory.addGroup(one, 'Staff'),
      await rig.directory.addGroup(two, 'Staff'),
    ];
    const [pia, pit] = [await rig.directory.addPerson(one, 'pia'), await rig.directory.addPerson(two, 'pit')];
    await rig.directory.join(pia, groupOne);
    await rig.directory.join(pit, groupTwo);
    await rig.directory.map(one, ['Staff', 'super_admin']);
    await rig.quiet();
    expect(await rolesOf(pia.id)).toEqual(['super_admin']);
    expect(await rolesOf(pit.id)).toEqual([]);
    // Not even if the mapping or the membership names a group of the other tenant.
    await rig.directory.configure(two, { roleMappings: [{ role: 'super_admin', group: { id: groupOne.id } }] });
    await rig.directory.join(pit, groupOne);
    await rig.quiet();
    expect(await rolesOf(pit.id)).toEqual([]);
    expect((await rig.http('GET', `/internal/tenants/${two.id}/accounts/${pia.id}`)).status).toBe(404);
  });
});
