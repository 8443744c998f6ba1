/** Cognito answers 5xx, so the result is unknown: the account shows it, and is tried again with growing pauses. */
import type { Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';
import { eventually } from '../support/waiting.js';

const PATIENCE_MS = 60_000;

describe('an update of Cognito whose result is unknown', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
    tenant = await rig.addTenant();
  });
  afterAll(() => rig.close());

  it('is counted and shown until Cognito answers again, and delays no other account', async () => {
    const broken = { effect: 'error', error: 'InternalErrorException', message: 'Something went wrong.', status: 500 };
    const operation = 'AdminUpdateUserAttributes';
    const [ada, bob] = [await rig.directory.addPerson(tenant, 'ada'), await rig.directory.addPerson(tenant, 'bob')];
    await rig.quiet(PATIENCE_MS);
    await rig.cognito.fault({ ...broken, operation, username: ada.id });
    for (const person of [ada, bob]) await rig.directory.update(person, { displayName: 'New Name' });
    const path = `/internal/tenants/${tenant.id}/accounts/${ada.id}`;
    const cognito = async () => (await rig.http<{ cognito: { attempts: number } }>('GET', path)).body.cognito;
    await eventually(async () => {
      const shown = await cognito();
      expect(shown).toMatchObject({ lastErrorClass: 'retry', lastError: expect.stringContaining('InternalError') });
      expect(shown.attempts).toBeGreaterThanOrEqual(2);
    }, PATIENCE_MS);
    await eventually(
      async () => expect((await rig.cognito.user(bob.id))?.attributes.name).toBe('New Name'),
      PATIENCE_MS,
    );
    await rig.cognito.noFaults();
    await rig.quiet(PATIENCE_MS);
    expect((await rig.cognito.user(ada.id))?.attributes.name).toBe('New Name');
    expect(await cognito()).toMatchObject({ state: 'synced', attempts: 0, lastError: null });
  }, 240_000);
});
