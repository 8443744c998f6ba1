/** Cognito answers 5xx: nobody knows whether it was done. That is counted, shown, and tried again with growing pauses. */
import type { Tenant } from './directory.js';
import { eventually, Rig } from './rig.js';

const PATIENCE_MS = 60_000;

describe('an answer that leaves in doubt', () => {
  let rig: Rig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startService();
    tenant = await rig.addTenant();
  });
  afterAll(() => rig.close());

  it('is counted and stays visible until Cognito answers again; others go on', async () => {
    const broken = { effect: 'error', error: 'InternalErrorException', message: 'Something went wrong.', status: 500 };
    const operation = 'AdminUpdateUserAttributes';
    const [ada, bob] = [await rig.directory.addPerson(tenant, 'ada'), await rig.directory.addPerson(tenant, 'bob')];
    await rig.quiet(PATIENCE_MS);
    await rig.cognito.fault({ ...broken, operation, username: ada.id });
    for (const person of [ada, bob]) await rig.directory.update(person, { displayName: 'New Name' });
    const path = `/internal/tenants/${tenant.id}/accounts/${ada.id}`;
    const cognito = async () => (await rig.http<{ cognito: { attempts: number } }>('GET', path)).body.cognito;
    await eventually(async () => {
      const seen = await cognito();
      expect(seen).toMatchObject({ lastErrorClass: 'retry', lastError: expect.stringContaining('InternalError') });
      expect(seen.attempts).toBeGreaterThanOrEqual(2);
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
