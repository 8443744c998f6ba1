/** deactivation-worker closes; identity-service follows it, whatever the directory says, and tells what it told. */
import type { Account, OffboardingCase } from '#events';
import type { Person, Tenant } from './directory.js';
import { eventually, Rig } from './rig.js';

describe('who takes access away', () => {
  let rig: Rig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await Rig.start();
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
  const told = async ({ id }: Person) => {
    const rows = await rig.admin.query<{ type: string; data: { account: Account; offboarding?: OffboardingCase } }>(
      `select type, data from bus.event_log where topic = 'identity.accounts' and subject = $1 order by position`,
      [id],
    );
    return rows.map((r) => ({ what: r.type.split('.').at(-2), ...r.data }));
  };
  const whatWasTold = async (person: Person) => (await told(person)).map((t) => t.what);

  it('not the directory: a deactivation that the worker holds changes nothing', async () => {
    const ada = await viewer('ada');
    await rig.directory.setActive(ada, false);
    await rig.directory.update(ada, { displayName: 'Ada, on leave' });
    await rig.quiet();
    expect(await account(ada)).toMatchObject({ status: 'active', roles: ['viewer'] });
    expect((await rig.cognito.user(ada.id))?.groups).toEqual(['viewer']);
    await rig.expectConverged();
  });

  it('the worker: roles go at once, the deactivation is told when its case is complete', async () => {
    const bob = await viewer('bob');
    const details = await rig.worker.beginClosing(bob, ['okta.suspended', 'hook-1']);
    await rig.quiet();
    expect(await account(bob)).toMatchObject({ status: 'inactive', roles: [] });
    expect((await rig.cognito.user(bob.id))?.groups).toEqual([]);
    expect(await whatWasTold(bob)).toEqual(['provisioned', 'roles-changed', 'roles-changed']);
    await rig.worker.complete(bob, details);
    await rig.quiet();
    expect((await told(bob)).at(-1)).toMatchObject({
      what: 'deactivated',
      account: { status: 'inactive', roles: [] },
      offboarding: { id: details.id, state: 'completed', cause: 'okta.suspended' },
    });
    const { body } = await rig.http<{ grants: object[] }>(
      'GET',
      `/internal/tenants/${tenant.id}/accounts/${bob.id}/grants`,
    );
    expect(body.grants).toMatchObject([{ revokedCause: 'okta.suspended', revokedCausationId: 'hook-1' }]);
    await rig.worker.say(bob, 'active', 'hook-2');
    await rig.quiet();
    expect((await whatWasTold(bob)).slice(-2)).toEqual(['reactivated', 'roles-changed']);
    expect(await account(bob)).toMatchObject({ status: 'active', roles: ['viewer'] });
    await rig.expectConverged();
  });

  it('a closing that is turned round before it is complete is told by its roles alone', async () => {
    const cid = await viewer('cid');
    const details = await rig.worker.beginClosing(cid, ['user.deactivated', 'req-c']);
    await rig.quiet();
    await rig.worker.say(cid, 'active', 'req-d');
    await rig.worker.complete(cid, details, 'superseded');
    await rig.quiet();
    expect(await whatWasTold(cid)).toEqual(['provisioned', 'roles-changed', 'roles-changed', 'roles-changed']);
    await rig.expectConverged();
  });

  it('a removal without access left is told at once; a deleted person keeps the roles until the worker closes', async () => {
    const dee = await viewer('dee');
    await rig.worker.complete(dee, await rig.worker.beginClosing(dee, ['okta.suspended', 'hook-3']));
    await rig.quiet();
    await rig.directory.remove(dee);
    await rig.quiet();
    expect((await told(dee)).at(-1)).toMatchObject({ what: 'removed', account: { status: 'removed' } });
    expect((await told(dee)).at(-1)).not.toHaveProperty('offboarding');
    await rig.expectConverged();

    const { follower } = rig.directory;
    rig.directory.follower = null;
    const eve = await viewer('eve'); // the worker has not heard of her
    await rig.directory.remove(eve);
    await rig.quiet();
    expect(await account(eve)).toMatchObject({ status: 'active', roles: ['viewer'] });
    await rig.worker.complete(eve, await rig.worker.beginClosing(eve, ['user.deleted', 'req-e'], 'removed'));
    await rig.quiet();
    expect(await account(eve)).toMatchObject({ status: 'removed', roles: [] });
    rig.directory.follower = follower;
  });

  it('who is closed while Cognito is away is told with his case as soon as Cognito has him', async () => {
    await rig.cognito.fault({ effect: 'error', operation: 'AdminSetUserPassword', probability: 1 });
    const fay = await rig.directory.addPerson(tenant, 'fay');
    // Created, but never recorded as such.
    await eventually(async () => expect(await rig.cognito.user(fay.id)).toBeDefined(), 60_000);
    await rig.worker.complete(fay, await rig.worker.beginClosing(fay, ['user.deactivated', 'req-f']));
    await eventually(async () => expect(await account(fay)).toMatchObject({ status: 'inactive' }), 60_000);
    await rig.cognito.noFaults();
    await rig.http('POST', `/internal/tenants/${tenant.id}/accounts/${fay.id}/retry`);
    await rig.quiet(60_000);
    expect(await whatWasTold(fay)).toEqual(['provisioned', 'deactivated']);
    expect((await told(fay))[1]?.offboarding?.state).toBe('completed');
    await rig.expectConverged();
  }, 120_000);

  it('says of nobody in one tenant what was said in another', async () => {
    const other = await rig.addTenant();
    const gil = await viewer('gil');
    await rig.worker.say({ ...gil, tenant: other.id }, 'removed', 'forged');
    await eventually(
      async () => expect(await rig.admin.query('select state from identity.parked_event')).toEqual([{ state: 'dead' }]),
      60_000,
    );
    await rig.admin.query('delete from identity.parked_event');
    expect(await account(gil)).toMatchObject({ status: 'active', roles: ['viewer'] });
  }, 90_000);
});
