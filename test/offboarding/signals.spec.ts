/** Signals that end access besides SCIM: Okta's signals and the tenant's settings. */
import type { Person, Tenant } from '../support/identity-directory.js';
import { Rig } from './rig.js';

describe('signals of Okta and settings', () => {
  let rig: Rig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startWorker();
    tenant = await rig.addTenant();
  });
  afterAll(() => rig.close());

  const status = async (person: Person): Promise<string | undefined> => (await rig.access(person)).at(-1)?.status;
  const minutes = (n: number): Date => new Date(Date.now() + n * 60_000);

  it('end access of a suspended person without SCIM, and give it back after the suspension', async () => {
    const ada = await rig.addPerson(tenant);
    expect(await rig.signal(tenant, ada, 'suspended')).toBe(1);
    await rig.quiet();
    expect(await status(ada)).toBe('inactive');
    expect(await rig.cases(ada)).toMatchObject([{ cause: 'okta.suspended', state: 'completed' }]);
    await rig.directory.update(ada, { displayName: 'Ada L.' });
    await rig.quiet();
    expect(await status(ada)).toBe('inactive');
    await rig.signal(tenant, ada, null, minutes(1));
    await rig.quiet();
    await rig.expectAgreement([ada]);
    expect(await status(ada)).toBe('active');
  });

  it('change nothing if a signal is older or a repetition', async () => {
    const bea = await rig.addPerson(tenant);
    const at = minutes(2);
    await rig.signal(tenant, bea, 'suspended', at);
    expect(await rig.signal(tenant, bea, null, minutes(1))).toBe(0);
    expect(await Promise.all(Array.from({ length: 100 }, () => rig.signal(tenant, bea, 'suspended', at)))).toEqual(
      Array(100).fill(0),
    );
    await rig.quiet();
    expect(await rig.cases(bea)).toHaveLength(1);
    await rig.expectAgreement([bea]);
  });

  it('open one case for a suspension and a deactivation, and give access back after both have ended', async () => {
    const cy = await rig.addPerson(tenant);
    await rig.signal(tenant, cy, 'suspended');
    await rig.directory.setActive(cy, false);
    await rig.quiet();
    await rig.signal(tenant, cy, null, minutes(1));
    await rig.quiet();
    expect(await status(cy)).toBe('inactive');
    await rig.directory.setActive(cy, true);
    await rig.quiet();
    expect(await status(cy)).toBe('active');
    expect(await rig.cases(cy)).toHaveLength(1);
  });

  it('give access back by a newer reactivation if Okta had no such user, but not if Okta suspended the user', async () => {
    const [dee, eve] = (await rig.addPeople(tenant, 2)) as [Person, Person];
    await rig.directory.setActive(dee, false);
    await rig.directory.setActive(eve, false);
    await rig.signal(tenant, dee, 'unassigned');
    await rig.signal(tenant, eve, 'suspended');
    await rig.quiet();
    await rig.directory.setActive(dee, true);
    await rig.directory.setActive(eve, true);
    await rig.quiet();
    expect([await status(dee), await status(eve)]).toEqual(['active', 'inactive']);
  });

  it("change nothing for another tenant's person or an unknown person", async () => {
    const fay = await rig.addPerson(tenant);
    const other = await rig.addTenant();
    expect(await rig.signal(other, fay, 'suspended')).toBe(0);
    expect(await rig.signal(tenant, { ...fay, id: other.id }, 'suspended')).toBe(0);
    await rig.quiet();
    expect(await status(fay)).toBe('active');
  });

  it('are subject to the same brake', async () => {
    const braked = await rig.addTenant({ brake: { percent: 0, atLeast: 1, windowMinutes: 10, holdHours: 24 } });
    const [gus, hal] = (await rig.addPeople(braked, 2)) as [Person, Person];
    await rig.signal(braked, gus, 'unassigned');
    await rig.quiet();
    await rig.signal(braked, hal, 'unassigned');
    await rig.quiet();
    expect([await status(gus), await status(hal)]).toEqual(['inactive', 'active']);
    await rig.signal(braked, hal, null, minutes(1));
    await rig.quiet();
    expect(await rig.cases(hal)).toMatchObject([{ state: 'discarded' }]);
  });

  it('keep access while "Deactivate on Offboard" is off, end it when it is switched on, and give nothing back when it is switched off', async () => {
    const free = await rig.addTenant({ deactivateOnOffboard: false });
    const [ida, jim] = (await rig.addPeople(free, 2)) as [Person, Person];
    await rig.directory.setActive(ida, false);
    await rig.quiet();
    expect([await status(ida), await status(jim)]).toEqual(['active', 'active']);
    await rig.directory.configure(free, { deactivateOnOffboard: true });
    await rig.quiet();
    expect([await status(ida), await status(jim)]).toEqual(['inactive', 'active']);
    expect(await rig.cases(ida)).toMatchObject([{ cause: 'settings.changed', state: 'completed' }]);
    await rig.directory.configure(free, { deactivateOnOffboard: false });
    await rig.quiet();
    expect(await status(ida)).toBe('inactive');
    await rig.directory.setActive(ida, true);
    await rig.quiet();
    expect(await status(ida)).toBe('active');
  });

  it('discard cases that are pending only because of "Deactivate on Offboard" when it is switched off', async () => {
    const brake = { percent: 0, atLeast: 1, windowMinutes: 10, holdHours: 24 };
    const braked = await rig.addTenant({ brake });
    const [kay, lea, max] = (await rig.addPeople(braked, 3)) as [Person, Person, Person];
    await rig.directory.setActive(kay, false);
    await rig.quiet();
    await rig.directory.setActive(lea, false);
    await rig.directory.remove(max);
    await rig.quiet();
    await rig.directory.configure(braked, { deactivateOnOffboard: false });
    await rig.quiet();
    const states = await Promise.all([kay, lea, max].map(async (person) => (await rig.cases(person)).at(-1)?.state));
    expect(states).toEqual(['completed', 'discarded', 'held']);
  });
});
