/**
 * Mappings by name belong to the group that first had the name. Renaming, creating or pushing again another group with
 * that name gives nobody a stronger role until an administrator confirms the group.
 */
import type { GroupPinList, Json } from '#contracts';
import type { Group, Person, Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';
import { TOKEN } from '../support/internal-api.js';

describe('mappings by name', () => {
  let rig: IdentityRig;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
  });
  afterAll(() => rig.close());

  const roles = async ({ id }: Person): Promise<string[] | undefined> => (await rig.cognito.user(id))?.groups.slice();
  const pins = async ({ id }: Tenant): Promise<Json<GroupPinList>> =>
    (await rig.http<Json<GroupPinList>>('GET', `/internal/tenants/${id}/group-pins`)).body;
  const confirm = async ({ id }: Tenant, group: Group): Promise<number> => {
    const body = { group: group.id, by: 'grace' };
    const answer = await rig.http<{ confirmed: number }>(
      'POST',
      `/internal/tenants/${id}/group-pins/confirm`,
      TOKEN,
      body,
    );
    await rig.quiet();
    return answer.body.confirmed;
  };
  const metric = async (role: string): Promise<number> => {
    const found = await rig.metrics.registry.getSingleMetric('identity_waiting_groups')?.get();
    return found?.values.find((value) => value.labels.role === role)?.value ?? 0;
  };
  const group = async (tenant: Tenant, name: string, ...members: Person[]): Promise<Group> => {
    const added = await rig.directory.addGroup(tenant, name);
    for (const member of members) await rig.directory.join(member, added);
    await rig.quiet();
    return added;
  };
  const people = async (tenant: Tenant, ...names: string[]): Promise<Person[]> => {
    const added: Person[] = [];
    for (const name of names) added.push(await rig.directory.addPerson(tenant, name));
    await rig.quiet();
    return added;
  };

  it('give the strongest role at the first connection without a confirmation, and show their groups', async () => {
    const tenant = await rig.addTenant();
    const [ada] = (await people(tenant, 'ada')) as [Person];
    const admins = await group(tenant, 'StackFlow-Admins', ada);
    expect(await roles(ada)).toEqual(['super_admin']);
    expect(await pins(tenant)).toMatchObject({
      pins: [{ mappedName: 'stackflow-admins', roles: ['super_admin'], group: admins.id, confirmed: true }],
      waiting: [],
    });
  });

  it('give nothing to a group that is renamed to the name of an existing group, before and after it is renamed back', async () => {
    const tenant = await rig.addTenant();
    const [ada, eve] = (await people(tenant, 'ada', 'eve')) as [Person, Person];
    const admins = await group(tenant, 'StackFlow-Admins', ada);
    const evil = await group(tenant, 'Interns', eve);
    // SCIM keeps names unique, so the attacker first renames the group of the administrators.
    await rig.directory.rename(admins, 'Old admins');
    await rig.directory.rename(evil, 'STACKFLOW-admins ');
    await rig.quiet();
    expect([await roles(ada), await roles(eve)]).toEqual([['super_admin'], []]);
    expect((await pins(tenant)).waiting).toMatchObject([{ group: evil.id, strongest: true, members: 1 }]);
    await rig.directory.rename(evil, 'Interns');
    await rig.directory.rename(admins, 'StackFlow-Admins');
    await rig.quiet();
    expect([await roles(ada), await roles(eve)]).toEqual([['super_admin'], []]);
    expect((await pins(tenant)).waiting).toEqual([]);
  });

  it('do not give the strongest role to a group that is renamed to a name that no group had', async () => {
    const tenant = await rig.addTenant();
    const [eve] = (await people(tenant, 'eve')) as [Person];
    const before = await metric('strongest');
    const evil = await group(tenant, 'Interns', eve);
    await rig.directory.rename(evil, 'StackFlow-Admins');
    await rig.quiet();
    expect([await roles(eve), await metric('strongest')]).toEqual([[], before + 1]);
    await rig.directory.rename(evil, 'Interns');
    await rig.directory.rename(evil, 'stackflow-admins');
    await rig.quiet();
    expect(await roles(eve)).toEqual([]);
    expect(await confirm(tenant, evil)).toBe(1);
    expect([await roles(eve), await metric('strongest')]).toEqual([['super_admin'], before]);
    expect((await pins(tenant)).pins).toMatchObject([{ confirmed: true, confirmedBy: 'cli: grace' }]);
  });

  it('give weaker roles to a group that is renamed to them', async () => {
    const tenant = await rig.addTenant();
    const [ian] = (await people(tenant, 'ian')) as [Person];
    const interns = await group(tenant, 'Interns', ian);
    await rig.directory.rename(interns, 'StackFlow-Agents');
    await rig.quiet();
    expect(await roles(ian)).toEqual(['itsm_agent']);
  });

  it('move to the confirmed group, and the group before gives nothing any more', async () => {
    const tenant = await rig.addTenant();
    const [ada, bob] = (await people(tenant, 'ada', 'bob')) as [Person, Person];
    const old = await group(tenant, 'StackFlow-Admins', ada);
    await rig.directory.rename(old, 'Former admins');
    const admins = await group(tenant, 'StackFlow-Admins', bob);
    expect([await roles(ada), await roles(bob)]).toEqual([['super_admin'], []]);
    expect([await confirm(tenant, admins), await confirm(tenant, admins)]).toEqual([1, 0]);
    expect([await roles(ada), await roles(bob)]).toEqual([[], ['super_admin']]);
  });

  it('keep the administrators when Okta pushes their group again with a new id, and give the role to nobody new', async () => {
    const tenant = await rig.addTenant();
    const [ada, bob, eve] = (await people(tenant, 'ada', 'bob', 'eve')) as [Person, Person, Person];
    const old = await group(tenant, 'StackFlow-Admins', ada, bob);
    const agents = await group(tenant, 'StackFlow-Agents', eve);
    await rig.directory.removeGroup(old);
    await rig.directory.removeGroup(agents);
    await rig.quiet();
    expect([await roles(ada), await roles(eve)]).toEqual([[], []]);
    const again = await group(tenant, 'StackFlow-Admins', ada, bob, eve);
    await group(tenant, 'StackFlow-Agents', eve);
    expect(await Promise.all([ada, bob, eve].map(roles))).toEqual([['super_admin'], ['super_admin'], ['itsm_agent']]);
    expect((await pins(tenant)).waiting).toMatchObject([{ group: again.id, strongest: true, members: 3 }]);
    // The confirmation is about the group, not about the people who are in it now.
    expect(await confirm(tenant, again)).toBe(1);
    expect(await roles(eve)).toEqual(['itsm_agent', 'super_admin']);
  });

  it('do not give the role back to somebody who had left the group before Okta pushed it again', async () => {
    const tenant = await rig.addTenant();
    const [ada, bob] = (await people(tenant, 'ada', 'bob')) as [Person, Person];
    const old = await group(tenant, 'StackFlow-Admins', ada, bob);
    await rig.directory.leave(bob, old);
    await rig.quiet();
    await rig.directory.removeGroup(old);
    await rig.quiet();
    await group(tenant, 'StackFlow-Admins', ada, bob);
    expect([await roles(ada), await roles(bob)]).toEqual([['super_admin'], []]);
  });

  it('are pinned to the group that an administrator maps now, even if it was renamed before', async () => {
    const tenant = await rig.addTenant();
    const [ada] = (await people(tenant, 'ada')) as [Person];
    const admins = await group(tenant, 'Interns', ada);
    await rig.directory.rename(admins, 'IT admins');
    await rig.quiet();
    await rig.directory.map(tenant, ['IT admins', 'super_admin']);
    await rig.quiet();
    expect(await roles(ada)).toEqual(['super_admin']);
    await rig.directory.map(tenant);
    await rig.quiet();
    expect([await roles(ada), (await pins(tenant)).pins]).toEqual([[], []]);
  });

  it('of an unused default give the strongest role to nobody once the tenant has a mapping of its own', async () => {
    const tenant = await rig.addTenant();
    const [ada, eve] = (await people(tenant, 'ada', 'eve')) as [Person, Person];
    await group(tenant, 'IT admins', ada);
    const own = { group: { name: 'IT admins' }, role: 'super_admin' };
    await rig.directory.configure(tenant, { roleMappings: [...tenant.settings.roleMappings, own] });
    await rig.quiet();
    const late = await group(tenant, 'StackFlow-Admins', eve);
    expect([await roles(ada), await roles(eve)]).toEqual([['super_admin'], []]);
    expect((await pins(tenant)).waiting).toMatchObject([{ group: late.id }]);
  });

  it('are confirmed only for a group that waits, in its own tenant, by somebody with a name', async () => {
    const [tenant, other] = [await rig.addTenant(), await rig.addTenant()];
    const [eve] = (await people(tenant, 'eve')) as [Person];
    const evil = await group(tenant, 'Interns', eve);
    await rig.directory.rename(evil, 'StackFlow-Admins');
    await rig.quiet();
    expect(await confirm(other, evil)).toBe(0);
    const at = `/internal/tenants/${tenant.id}/group-pins/confirm`;
    for (const body of [{ group: evil.id }, { by: 'grace' }, { group: 'StackFlow-Admins', by: 'grace' }, {}])
      expect((await rig.http('POST', at, TOKEN, body)).status).toBe(400);
    expect((await rig.http('POST', at, 'wrong', { group: evil.id, by: 'grace' })).status).toBe(401);
    expect(await roles(eve)).toEqual([]);
    await rig.directory.removeGroup(evil);
    await rig.quiet();
    expect([await confirm(tenant, evil), (await pins(tenant)).waiting]).toEqual([0, []]);
  });

  it('explain to an administrator why a group gives no role', async () => {
    const tenant = await rig.addTenant();
    const [eve] = (await people(tenant, 'eve')) as [Person];
    const evil = await group(tenant, 'Interns', eve);
    await rig.directory.rename(evil, 'StackFlow-Admins');
    await rig.quiet();
    const { body } = await rig.http<{ reasons: unknown[] }>(
      'GET',
      `/internal/tenants/${tenant.id}/accounts/${eve.id}/explanation`,
    );
    expect(body.reasons).toContainEqual({
      code: 'group_waits',
      parameters: { group: evil.id, name: 'StackFlow-Admins' },
    });
  });
});
