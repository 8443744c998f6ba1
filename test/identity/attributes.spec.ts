/** A person's account and roles do not depend on attributes that Cognito refuses. */
import type { Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';

describe('a person with attributes that Cognito refuses', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
    tenant = await rig.addTenant();
  });
  afterAll(() => rig.close());

  const show = async (id: string) =>
    (
      await rig.http<{ email: string; cognito: Record<string, unknown> }>(
        'GET',
        `/internal/tenants/${tenant.id}/accounts/${id}`,
      )
    ).body;

  it('gets the account and the roles without the e-mail address, and the account shows a warning', async () => {
    const group = await rig.directory.addGroup(tenant, 'StackFlow-Viewers');
    const zoe = await rig.directory.addPerson(tenant, 'zoe', { email: 'no address' });
    const rob = await rig.directory.addPerson(tenant, 'rob');
    await rig.directory.join(zoe, group);
    await rig.quiet();
    await rig.directory.update(rob, { email: 'a@b@example.com' });
    await rig.directory.join(rob, group);
    await rig.quiet();
    for (const { id, email } of [zoe, rob]) {
      const user = await rig.cognito.user(id);
      expect(user).toMatchObject({ status: 'CONFIRMED', groups: ['viewer'], attributes: { 'custom:role': 'viewer' } });
      expect(user?.attributes.email).toBeUndefined();
      expect(await show(id)).toMatchObject({ email, cognito: { state: 'synced', warning: 'email_left_out' } });
    }
    for (const person of [zoe, rob]) await rig.directory.update(person, { email: `${person.id}@example.com` });
    await rig.quiet();
    expect((await rig.cognito.user(zoe.id))?.attributes.email).toBe(zoe.email);
    expect((await show(rob.id)).cognito.warning).toBeNull();
  });

  it('gets new roles while an update of attributes fails', async () => {
    const group = await rig.directory.groupNamed(tenant, 'StackFlow-Viewers');
    const lou = await rig.directory.addPerson(tenant, 'lou');
    await rig.quiet();
    await rig.cognito.fault({
      effect: 'error',
      error: 'InvalidParameterException',
      message: 'Never.',
      operation: 'AdminUpdateUserAttributes',
      username: lou.id,
    });
    await rig.directory.join(lou, group);
    await rig.quiet();
    expect((await rig.cognito.user(lou.id))?.groups).toEqual(['viewer']);
    expect((await show(lou.id)).cognito).toMatchObject({ state: 'failing', lastErrorClass: 'permanent' });
  });
});
