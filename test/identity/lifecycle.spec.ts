/** A push becomes an account, roles and a Cognito user, on a real database, the event bus and the sandbox's Cognito. */
import type { Account, OffboardingCase } from '#events';
import { IdentityRig } from '../support/identity.js';
import type { Tenant } from '../support/identity-directory.js';

describe('an account from the directory to Cognito', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
    tenant = await rig.addTenant();
  });
  afterAll(() => rig.close());

  const events = <T>(
    topic: string,
    subject: string,
  ): Promise<{ type: string; sequence: string; causation_id: string; data: T }[]> =>
    rig.admin.query(
      'select type, sequence, causation_id, data from bus.event_log where topic = $1 and subject = $2 order by position',
      [topic, subject],
    );
  const names = (rows: { type: string }[]): string[] =>
    rows.map((r) => r.type.replace('com.stackflow.identity.', '').replace('.v1', ''));

  it('becomes a confirmed user with the attributes that the pool declares, without a role', async () => {
    const ada = await rig.directory.addPerson(tenant, 'ada');
    await rig.quiet();
    expect(await rig.cognito.user(ada.id)).toMatchObject({
      status: 'CONFIRMED',
      enabled: true,
      groups: [],
      attributes: {
        email: 'ada@example.com',
        name: 'Person ada',
        given_name: 'Person',
        family_name: 'ada',
        preferred_username: 'ada@example.com',
        'custom:tenant_id': tenant.id,
        'custom:external_id': ada.externalId,
      },
    });
    expect((await rig.cognito.user(ada.id))?.attributes.email_verified).not.toBe('true');
    expect(names(await events('identity.accounts', ada.id))).toEqual(['account.provisioned']);
  });

  it('gets the roles of all mapped groups, and the strongest one as the primary role', async () => {
    const bob = await rig.directory.addPerson(tenant, 'bob');
    const viewers = await rig.directory.addGroup(tenant, 'stackflow-VIEWERS');
    const admins = await rig.directory.addGroup(tenant, 'StackFlow-Admins');
    await rig.directory.join(bob, viewers);
    await rig.quiet();
    expect(await rig.cognito.user(bob.id)).toMatchObject({
      groups: ['viewer'],
      attributes: { 'custom:role': 'viewer' },
    });
    await rig.directory.join(bob, admins);
    await rig.quiet();
    expect(await rig.cognito.user(bob.id)).toMatchObject({
      groups: ['super_admin', 'viewer'],
      attributes: { 'custom:role': 'super_admin' },
    });
    await rig.directory.leave(bob, admins);
    await rig.directory.leave(bob, viewers);
    await rig.quiet();
    const user = await rig.cognito.user(bob.id);
    expect(user?.groups).toEqual([]);
    expect(user?.attributes).not.toHaveProperty('custom:role');
  });

  it('has a record of every grant with the causes of granting and revoking it', async () => {
    const group = await rig.directory.addGroup(tenant, 'StackFlow-Agents');
    const eve = await rig.directory.addPerson(tenant, 'eve');
    await rig.quiet(); // people and groups travel on different topics
    await rig.directory.join(eve, group);
    await rig.quiet();
    await rig.directory.setActive(eve, false);
    await rig.quiet();
    await rig.directory.setActive(eve, true);
    await rig.quiet();
    await rig.directory.leave(eve, group);
    await rig.quiet();
    const { body } = await rig.http<{ grants: Record<string, unknown>[] }>(
      'GET',
      `/internal/tenants/${tenant.id}/accounts/${eve.id}/grants`,
    );
    expect(body.grants).toMatchObject([
      {
        role: 'itsm_agent',
        grantedCause: 'group.members-changed',
        grantedGroup: group.id,
        grantedGroupName: 'StackFlow-Agents',
        grantedMappingVersion: 1,
        grantedCausationId: expect.stringMatching(/^req-/),
        revokedCause: 'user.deactivated',
        revokedCausationId: expect.stringMatching(/^req-/),
      },
      {
        role: 'itsm_agent',
        // The cause is the event that arrived last: both are needed.
        grantedCause: expect.stringMatching(/^(user\.reactivated|access\.opened)$/),
        grantedGroup: group.id,
        revokedCause: 'group.members-changed',
        revokedGroup: group.id,
      },
    ]);
    const first = body.grants[0];
    expect(first?.grantedCausationId).not.toBe(first?.revokedCausationId);
  });

  it('is announced by events with gapless sequences that carry the state after the change', async () => {
    const group = await rig.directory.addGroup(tenant, 'StackFlow-ITSM-Managers');
    const kim = await rig.directory.addPerson(tenant, 'kim');
    await rig.quiet();
    await rig.directory.join(kim, group);
    await rig.quiet();
    await rig.directory.update(kim, { displayName: 'Kim K.' });
    await rig.quiet();
    await rig.directory.setActive(kim, false);
    await rig.quiet();
    await rig.directory.setActive(kim, true);
    await rig.quiet();
    await rig.directory.remove(kim);
    await rig.quiet();
    const accounts = await events<{
      account: Account;
      granted?: string[];
      revoked?: string[];
      changed?: string[];
      mappingVersion?: number;
      offboarding?: OffboardingCase;
    }>('identity.accounts', kim.id);
    const published = names(accounts);
    expect(published.slice(0, 3)).toEqual(['account.provisioned', 'account.roles-changed', 'account.updated']);
    // The fence and the completion of its case arrive on two topics.
    expect(published.slice(3, 5).sort()).toEqual(['account.deactivated', 'account.roles-changed']);
    expect(published.slice(5, 7)).toEqual(['account.reactivated', 'account.roles-changed']);
    expect(published.slice(7).sort()).toEqual(['account.removed', 'account.roles-changed']);
    expect(accounts.map((e) => Number(e.sequence))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(accounts[1]?.data).toMatchObject({
      granted: ['itsm_manager'],
      revoked: [],
      mappingVersion: 1,
      account: { roles: ['itsm_manager'], primaryRole: 'itsm_manager', status: 'active' },
    });
    expect(accounts[2]?.data).toMatchObject({ changed: ['displayName'], account: { displayName: 'Kim K.' } });
    expect(accounts.find((e) => e.data.revoked?.length)?.data).toMatchObject({
      granted: [],
      revoked: ['itsm_manager'],
      account: { roles: [], primaryRole: null, status: 'inactive' },
    });
    const offboarding = (what: string) => accounts.find((e) => e.type.includes(what))?.data;
    expect(offboarding('deactivated')).toMatchObject({
      account: { status: 'inactive' },
      offboarding: { account: kim.id, state: 'completed', cause: 'user.deactivated' },
    });
    expect(offboarding('removed')).toMatchObject({
      account: { status: 'removed' },
      offboarding: { state: 'completed', cause: 'user.deleted' },
    });
    expect(offboarding('reactivated')).not.toHaveProperty('offboarding');
    expect(await rig.cognito.user(kim.id)).toMatchObject({ groups: [], enabled: true });
  });

  it('publishes nothing on identity.access, which is the topic of deactivation-worker', async () => {
    const sources = await rig.admin.query(`select distinct source from bus.event_log where topic = 'identity.access'`);
    expect(sources).toEqual([{ source: '/stackflow/deactivation-worker' }]);
  });

  it('is created in Cognito when the person becomes active, not before', async () => {
    const zoe = await rig.directory.addPerson(tenant, 'zoe', { active: false });
    await rig.quiet();
    expect(await rig.cognito.user(zoe.id)).toBeUndefined();
    expect(names(await events('identity.accounts', zoe.id))).toEqual([]);
    await rig.directory.setActive(zoe, true);
    await rig.quiet();
    expect(await rig.cognito.user(zoe.id)).toBeDefined();
  });

  it('stays removed, whatever events about the deleted person follow (P3)', async () => {
    const ghost = await rig.directory.addPerson(tenant, 'ghost');
    await rig.quiet();
    await rig.directory.remove(ghost);
    await rig.directory.setActive(ghost, false);
    await rig.directory.setActive(ghost, true);
    await rig.quiet();
    const { body } = await rig.http<{ status: string }>('GET', `/internal/tenants/${tenant.id}/accounts/${ghost.id}`);
    expect(body.status).toBe('removed');
  });

  it('changes once if its events are repeated', async () => {
    const max = await rig.directory.addPerson(tenant, 'max');
    await rig.directory.update(max, { displayName: 'Max 2' });
    await rig.quiet();
    const before = await events('identity.accounts', max.id);
    await rig.cognito.forgetCalls();
    expect(await rig.directory.republish(rig.admin, 'subject = $1 and topic = $2', [max.id, 'directory.users'])).toBe(
      2,
    );
    await rig.quiet();
    expect(await events('identity.accounts', max.id)).toEqual(before);
    expect(await rig.cognito.calls()).toEqual([]);
  });
});
