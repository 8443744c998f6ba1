/** A held case ends what exists, at once; only the end of access waits. Bad luck while a case is held. */
import type { Person, Tenant } from '../support/identity-directory.js';
import { ownQuotas } from '../support/quotas.js';
import { eventually, Rig } from './rig.js';

const BRAKE = { percent: 0, atLeast: 1, windowMinutes: 10, holdHours: 24 };

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
  await rig.startWorker();
});
afterEach(() => rig.cognito.noFaults());
afterAll(() => rig.close());

const fences = async (person: Person): Promise<string[]> =>
  (await rig.access(person)).flatMap(({ notBefore }) => notBefore ?? []);
const calls = async ({ id }: Person, operation: string): Promise<number> =>
  (await rig.cognito.calls(`subject=${id}&operation=${operation}`)).length;
const metric = async (reason: string): Promise<number> => {
  const found = await rig.worker.metrics.registry.getSingleMetric('offboarding_held_cases')?.get();
  return found?.values.find((value) => value.labels.reason === reason)?.value ?? 0;
};

/** The only administrator of a tenant. */
async function soleAdmin(): Promise<[Tenant, Person]> {
  const tenant = await rig.addTenant({ brake: BRAKE });
  const admin = await rig.addPerson(tenant, ['super_admin']);
  await rig.addPeople(tenant, 2);
  return [tenant, admin];
}

describe('the held case of the last administrator', () => {
  it('ends sessions and tokens at once, says how long it is held, and is counted', async () => {
    const before = await metric('last_admin');
    const [, ada] = await soleAdmin();
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    const [held] = await rig.cases(ada);
    expect(held).toMatchObject({ state: 'held', held_because: 'last_admin' });
    expect(Number(held?.held_until) - Number(held?.held_at)).toBe(60 * 60_000);
    const [event] = await rig.admin.query<{ data: { case: Record<string, unknown> } }>(
      `select data from bus.event_log where topic = 'offboarding.cases' and subject = $1`,
      [ada.id],
    );
    expect(event?.data.case).toMatchObject({ heldBecause: 'last_admin', heldUntil: held?.held_until?.toISOString() });
    expect((await rig.access(ada)).at(-1)).toMatchObject({ status: 'active', roles: ['super_admin'] });
    expect([await calls(ada, 'AdminUserGlobalSignOut'), await calls(ada, 'AdminDisableUser')]).toEqual([1, 0]);
    expect(await metric('last_admin')).toBe(before + 1);
    await rig.expectAgreement([ada]);
  });

  it('is held as long as the tenant says', async () => {
    const tenant = await rig.addTenant({ brake: { ...BRAKE, lastAdminHoldMinutes: 5 } });
    const ada = await rig.addPerson(tenant, ['super_admin']);
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    const [held] = await rig.cases(ada);
    expect(Number(held?.held_until) - Number(held?.held_at)).toBe(5 * 60_000);
  });

  it('does not fence again a person who signed in again, whatever is repeated', async () => {
    const [tenant, ada] = await soleAdmin();
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    const once = await fences(ada);
    await rig.directory.update(ada, { displayName: 'Ada King' });
    await rig.directory.republish(rig.admin, `topic = 'directory.users' and subject = $1`, [ada.id]);
    await rig.signal(tenant, ada, 'unassigned');
    await rig.signal(tenant, ada, 'unassigned');
    await rig.quiet();
    expect([await fences(ada), (await rig.cases(ada)).length]).toEqual([once, 1]);
  });

  it('keeps its fence while Cognito does not answer, and signs out when it does', async () => {
    const [, ada] = await soleAdmin();
    await rig.cognito.fault({ effect: 'disconnect', operation: 'AdminUserGlobalSignOut' });
    await rig.directory.setActive(ada, false);
    await eventually(async () => expect(await fences(ada)).toHaveLength(1));
    expect((await rig.cases(ada)).at(-1)?.held_signed_out_at).toBeNull();
    await rig.cognito.noFaults();
    await rig.quiet();
    expect((await rig.cases(ada)).at(-1)?.held_signed_out_at).not.toBeNull();
  });

  it('is released when Okta confirms a suspension or a deactivation, and a restored person has access again', async () => {
    for (const state of ['suspended', 'deprovisioned'] as const) {
      const [tenant, ada] = await soleAdmin();
      await rig.directory.setActive(ada, false);
      await rig.quiet();
      await rig.signal(tenant, ada, state);
      await rig.eventuallyState(ada, 'completed');
      expect(await rig.cases(ada)).toMatchObject([{ released_by: 'okta' }]);
      expect(await rig.caseEvents(ada)).toEqual(['held', 'released', 'opened', 'completed']);
      await rig.signal(tenant, ada, null, new Date(Date.now() + 1_000));
      await rig.directory.setActive(ada, true);
      await rig.quiet();
      await rig.expectAgreement([ada]);
      const accesses = await rig.access(ada);
      const [last, before] = [accesses.at(-1), accesses.at(-2)];
      expect(last?.status).toBe('active');
      expect(Date.parse(last?.notBefore ?? '')).toBeGreaterThanOrEqual(Date.parse(before?.notBefore ?? ''));
    }
  });

  it('does not exist if Okta confirmed the deactivation first', async () => {
    const [tenant, ada] = await soleAdmin();
    await rig.signal(tenant, ada, 'suspended');
    await rig.eventuallyState(ada, 'completed');
    expect(await rig.caseEvents(ada)).toEqual(['opened', 'completed']);
  });

  it('is discarded when the person is restored before the sign-out is done, and nothing old becomes valid', async () => {
    const [, ada] = await soleAdmin();
    await rig.cognito.fault({ effect: 'disconnect', operation: 'AdminUserGlobalSignOut' });
    await rig.directory.setActive(ada, false);
    await eventually(async () => expect(await fences(ada)).toHaveLength(1));
    await rig.directory.setActive(ada, true);
    await rig.cognito.noFaults();
    await rig.quiet();
    expect(await rig.caseEvents(ada)).toEqual(['held', 'discarded']);
    expect(await calls(ada, 'AdminUserGlobalSignOut')).toBeGreaterThan(0);
    const moved = await fences(ada);
    expect(moved).toEqual([...moved].sort());
    expect(moved).toHaveLength(2);
    await rig.expectAgreement([ada]);
  });

  it('becomes a removal when the person is deleted while held and the case is released', async () => {
    const [tenant, ada] = await soleAdmin();
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    await rig.directory.remove(ada);
    await rig.quiet();
    expect((await rig.cases(ada)).map((c) => c.state)).toEqual(['held']);
    await rig.release(tenant);
    await rig.quiet();
    expect((await rig.access(ada)).at(-1)?.status).toBe('removed');
    await rig.expectAgreement([ada]);
  });

  it('is taken over from a process that dies in the middle of the sign-out', async () => {
    const [, ada] = await soleAdmin();
    await rig.cognito.fault({ effect: 'drop', operation: 'AdminUserGlobalSignOut', times: 1 });
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    expect((await rig.cases(ada)).at(-1)?.held_signed_out_at).not.toBeNull();
    await rig.expectAgreement([ada]);
  });
});

describe('a mass of held people', () => {
  it('does not delay the offboarding of somebody else', async () => {
    await rig.stopWorkers();
    await rig.startWorker({ COGNITO_QUOTAS: JSON.stringify(ownQuotas(8)) });
    const [attacked, other] = [await rig.addTenant({ brake: BRAKE }), await rig.addTenant()];
    const crowd = await rig.addPeople(attacked, 300);
    const bob = await rig.addPerson(other);
    await rig.directory.deactivateAll(crowd);
    const heldCases = async (condition: string): Promise<number> =>
      (await rig.admin.query(`select 1 from offboarding_case where tenant = $1 and ${condition}`, [attacked.id]))
        .length;
    await eventually(async () => expect(await heldCases(`state = 'held'`)).toBeGreaterThan(250));
    await rig.directory.setActive(bob, false);
    await rig.eventuallyState(bob, 'completed');
    expect(await heldCases(`state = 'held' and held_signed_out_at is null`)).toBeGreaterThan(50);
    for (const person of crowd.slice(-3)) expect((await fences(person)).length).toBeGreaterThan(0);
    await rig.stopWorkers();
    await rig.startWorker();
    await rig.quiet(120_000);
    expect(await heldCases(`state = 'held' and held_signed_out_at is null`)).toBe(0);
    await rig.expectAgreement([...crowd, bob]);
  }, 240_000);
});
