/** Hundreds of people at once under throttling, and random histories with faults. In the end all parts agree. */
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Database } from '#platform';
import type { Person, Tenant } from '../support/identity-directory.js';
import { seeded } from '../support/random.js';
import { Rig } from './rig.js';

/** 1,800 calls on a machine that may be busy. */
const MASS_PATIENCE_MS = 280_000;
jest.setTimeout(2 * MASS_PATIENCE_MS);
/** More than one batch of admission. */
const PEOPLE = 600;

describe('a mass offboarding', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
  });
  afterEach(async () => {
    await rig.cognito.noFaults();
    await rig.stopWorkers();
  });
  afterAll(() => rig.close());

  const done = async (operation: string): Promise<number[]> =>
    (await rig.cognito.calls(`operation=${operation}`)).filter((call) => call.outcome === 'ok').map((call) => call.at);

  it('completes exactly one case for each of 600 people while Cognito throttles', async () => {
    await rig.startWorker({ WORKER_LEASE_SECONDS: '60' }); // a machine that pauses must not let anybody take over
    const tenant = await rig.addTenant();
    const people = await rig.addPeople(tenant, PEOPLE);
    await rig.cognito.fault({ effect: 'throttle', probability: 0.05, times: 8 });
    await rig.directory.deactivateAll(people);
    await rig.quiet(MASS_PATIENCE_MS);
    await rig.expectAgreement(people);
    const sql = `select state, count(*)::int as n from offboarding_case where tenant = $1 group by 1`;
    expect(await rig.admin.query(sql, [tenant.id])).toEqual([{ state: 'completed', n: PEOPLE }]);
    const calls = [await done('AdminDisableUser'), await done('AdminUserGlobalSignOut'), await done('AdminGetUser')];
    expect(calls.map((list) => list.length)).toEqual([PEOPLE, PEOPLE, PEOPLE]);
  });

  it('disables everybody before it spends the quota on sign-outs', async () => {
    await rig.startWorker({ COGNITO_QUOTAS: JSON.stringify({ UserUpdate: 10 }), WORKER_LEASE_SECONDS: '60' });
    const people = await rig.addPeople(await rig.addTenant(), 40);
    await rig.cognito.forgetCalls();
    // No call is admitted until all have a case, because otherwise the first sign-outs would be due before the last case.
    await whileLocked(rig.admin, 'UserUpdate', async () => {
      await rig.directory.deactivateAll(people);
      await rig.handled();
    });
    await rig.quiet();
    const lastDisabled = Math.max(...(await done('AdminDisableUser')));
    const before = (await done('AdminUserGlobalSignOut')).filter((at) => at < lastDisabled);
    expect(before.length).toBeLessThan(8);
    await rig.expectAgreement(people);
  });
});

/** Runs `work` while the bucket of a quota category is locked, so that no replica gets a token. */
async function whileLocked(admin: Database, category: string, work: () => Promise<void>): Promise<void> {
  await admin.tx(async (tx) => {
    const fill = 'insert into limits.bucket values ($1, 0, clock_timestamp()) on conflict do nothing';
    await tx.query(fill, [category]);
    await tx.query('select 1 from limits.bucket where name = $1 for update', [category]);
    await work();
  });
}

describe('random histories', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startWorker();
    await rig.startWorker();
  });
  afterAll(() => rig.close());

  const SEEDS = [1, 2, 3, 4];
  it(`agree in the end, with faults, lost leases and repetitions in several tenants at the same time: seeds ${SEEDS.join()}`, async () => {
    for (const effect of ['drop', 'throttle', 'error', 'disconnect'])
      await rig.cognito.fault({ effect, probability: 0.03, times: 40 * SEEDS.length });
    const histories = await Promise.all(SEEDS.map(live));
    await rig.cognito.noFaults();
    await rig.quiet();
    for (const { seed, tenant, people } of histories) {
      await rig.expectAgreement(people);
      const unfinished = await rig.admin.query(
        `select state from offboarding_case where tenant = $1 and state in ('new', 'held', 'running')`,
        [tenant.id],
      );
      expect({ seed, unfinished }).toEqual({ seed, unfinished: [] });
    }
  });

  async function live(seed: number): Promise<{ seed: number; tenant: Tenant; people: Person[] }> {
    const chance = seeded(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)] as T;
    const tenant = await rig.addTenant();
    const people = await rig.directory.addPeople(tenant, 40);
    await rig.accounts.provision(people.slice(0, 30));
    for (let step = 0; step < 60; step++) {
      const some = people.filter((person) => !person.deleted && chance() < 0.2);
      await Promise.all(some.map((person) => act(person, chance())));
      if (chance() < 0.2) await rig.voidLeases();
      if (chance() < 0.1)
        await rig.accounts.publish([pick(people.slice(0, 30))], 'roles-changed', [pick(['viewer', 'itsm_agent'])]);
      if (step === 30) await rig.accounts.provision(people.slice(30));
      if (chance() < 0.1) await repeat(tenant);
    }
    return { seed, tenant, people };
  }

  /** Publishes the last events of a tenant again. */
  async function repeat({ id }: Tenant): Promise<void> {
    await rig.directory.republish(
      rig.admin,
      `tenant = $1 and topic in ('directory.access', 'identity.accounts') and position > (select max(position) - 50 from bus.event_log)`,
      [id],
    );
  }

  async function act(person: Person, dice: number): Promise<void> {
    if (dice < 0.02) return rig.directory.remove(person);
    if (dice < 0.1) return rig.directory.update(person, { displayName: `Renamed ${randomUUID().slice(0, 4)}` });
    return rig.directory.setActive(person, !person.active);
  }
});
