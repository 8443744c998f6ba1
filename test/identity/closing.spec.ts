/** deactivation-worker closes accounts; identity-service follows it, whatever the directory has, and publishes the result. */
import type { Account, OffboardingCase } from '#events';
import type { Person, Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';
import { eventually } from '../support/waiting.js';

describe('access of a person', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
    tenant = await rig.addTenant({ deactivateOnOffboard: false });
    await rig.directory.addGroup(tenant, 'StackFlow-Viewers');
    await rig.quiet();
  });
  afterAll(() => rig.close());

  async function viewer(name: string): Promise<Person> {
    const [group] = [...rig.directory.groups.values()];
    const person = await rig.directory.addPerson(tenant, name);
    await rig.quiet(); // provisioned without a role
    if (group) await rig.directory.join(person, group);
    await rig.quiet();
    return person;
  }
  const account = async ({ id }: Person) =>
    (await rig.http<{ status: string; roles: string[] }>('GET', `/internal/tenants/${tenant.id}/accounts/${id}`)).body;
  const events = async ({ id }: Person) => {
    const rows = await rig.admin.query<{ type: string; data: { account: Account; offboarding?: OffboardingCase } }>(
      `select type, data from bus.event_log where topic = 'identity.accounts' and subject = $1 order by position`,
      [id],
    );
    return rows.map((r) => ({ what: r.type.split('.').at(-2), ...r.data }));
  };
  const eventNames = async (person: Person) => (await events(person)).map((event) => event.what);

  it('stays after a deactivation in the directory, until the worker closes the account', async () => {
    const ada = await viewer('ada');
    await rig.directory.setActive(ada, false);
    await rig.directory.update(ada, { displayName: 'Ada, on leave' });
    await rig.quiet();
    expect(await account(ada)).toMatchObject({ status: 'active', roles: ['viewer'] });
    expect((await rig.cognito.user(ada.id))?.groups).toEqual(['viewer']);
    await rig.expectConverged();
  });

  it('ends when the worker closes the account: roles at once, the deactivation is announced when the case is complete', async () => {
    const bob = await viewer('bob');
    const details = await rig.worker.beginClosing(bob, ['okta.suspended', 'hook-1']);
    await rig.quiet();
    expect(await account(bob)).toMatchObject({ status: 'inactive', roles: [] });
    expect((await rig.cognito.user(bob.id))?.groups).toEqual([]);
    expect(await eventNames(bob)).toEqual(['provisioned', 'roles-changed', 'roles-changed']);
    await rig.worker.complete(bob, details);
    await rig.quiet();
    expect((await events(bob)).at(-1)).toMatchObject({
      what: 'deactivated',
      account: { status: 'inactive', roles: [] },
      offboarding: { id: details.id, state: 'completed', cause: 'okta.suspended' },
    });
    const { body } = await rig.http<{ grants: object[] }>(
      'GET',
      `/internal/tenants/${tenant.id}/accounts/${bob.id}/grants`,
    );
    expect(body.grants).toMatchObject([{ revokedCause: 'okta.suspended', revokedCausationId: 'hook-1' }]);
    await rig.worker.publishAccess(bob, 'active', 'hook-2');
    await rig.quiet();
    expect((await eventNames(bob)).slice(-2)).toEqual(['reactivated', 'roles-changed']);
    expect(await account(bob)).toMatchObject({ status: 'active', roles: ['viewer'] });
    await rig.expectConverged();
  });

  it('shows in role changes alone if a closing is undone before its case is complete', async () => {
    const cid = await viewer('cid');
    const details = await rig.worker.beginClosing(cid, ['user.deactivated', 'req-c']);
    await rig.quiet();
    await rig.worker.publishAccess(cid, 'active', 'req-d');
    await rig.worker.complete(cid, details, 'superseded');
    await rig.quiet();
    expect(await eventNames(cid)).toEqual(['provisioned', 'roles-changed', 'roles-changed', 'roles-changed']);
    await rig.expectConverged();
  });

  it('stays for a deleted person until the worker closes the account; a removal without access left is announced at once', async () => {
    const dee = await viewer('dee');
    await rig.worker.complete(dee, await rig.worker.beginClosing(dee, ['okta.suspended', 'hook-3']));
    await rig.quiet();
    await rig.directory.remove(dee);
    await rig.quiet();
    expect((await events(dee)).at(-1)).toMatchObject({ what: 'removed', account: { status: 'removed' } });
    expect((await events(dee)).at(-1)).not.toHaveProperty('offboarding');
    await rig.expectConverged();

    const { follower } = rig.directory;
    rig.directory.follower = null;
    const eve = await viewer('eve'); // the worker gets no event about this person
    await rig.directory.remove(eve);
    await rig.quiet();
    expect(await account(eve)).toMatchObject({ status: 'active', roles: ['viewer'] });
    await rig.worker.complete(eve, await rig.worker.beginClosing(eve, ['user.deleted', 'req-e'], 'removed'));
    await rig.quiet();
    expect(await account(eve)).toMatchObject({ status: 'removed', roles: [] });
    rig.directory.follower = follower;
  });

  it('ends while Cognito is unavailable, and the case is announced as soon as Cognito has the user', async () => {
    await rig.cognito.fault({ effect: 'error', operation: 'AdminSetUserPassword', probability: 1 });
    const fay = await rig.directory.addPerson(tenant, 'fay');
    // Cognito created the user, but the account was not recorded as provisioned.
    await eventually(async () => expect(await rig.cognito.user(fay.id)).toBeDefined(), 60_000);
    await rig.worker.complete(fay, await rig.worker.beginClosing(fay, ['user.deactivated', 'req-f']));
    await eventually(async () => expect(await account(fay)).toMatchObject({ status: 'inactive' }), 60_000);
    await rig.cognito.noFaults();
    await rig.http('POST', `/internal/tenants/${tenant.id}/accounts/${fay.id}/retry`);
    await rig.quiet(60_000);
    expect(await eventNames(fay)).toEqual(['provisioned', 'deactivated']);
    expect((await events(fay))[1]?.offboarding?.state).toBe('completed');
    await rig.expectConverged();
  }, 120_000);

  it('never follows an event of another tenant', async () => {
    const other = await rig.addTenant();
    const gil = await viewer('gil');
    await rig.worker.publishAccess({ ...gil, tenant: other.id }, 'removed', 'forged');
    await eventually(
      async () => expect(await rig.admin.query('select state from identity.parked_event')).toEqual([{ state: 'dead' }]),
      60_000,
    );
    await rig.admin.query('delete from identity.parked_event');
    expect(await account(gil)).toMatchObject({ status: 'active', roles: ['viewer'] });
  }, 90_000);
});
