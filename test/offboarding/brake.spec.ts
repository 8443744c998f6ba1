/** The brake: how many people may lose access at once, who decides about the rest, and when a hold ends. */
import { randomUUID } from 'node:crypto';
import type { Person, Tenant } from '../support/identity-directory.js';
import { Rig } from './rig.js';

/** For tests that wait for the end of all work after each of many changes. */
const LIMIT_MS = 90_000;
const BRAKE = { percent: 10, atLeast: 3, windowMinutes: 10, holdHours: 24 };

describe('the brake', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startWorker();
  });
  afterAll(() => rig.close());

  /** One after the other, because events of different people have no order. */
  const offboard = async (people: readonly Person[]): Promise<void> => {
    for (const person of people) {
      await rig.directory.setActive(person, false);
      await rig.quiet();
    }
  };
  /** The state of each person's last case. */
  const states = async (people: readonly Person[]): Promise<(string | undefined)[]> =>
    Promise.all(people.map(async (person) => (await rig.cases(person)).at(-1)?.state));
  const held = async (people: readonly Person[]) => (await states(people)).filter((state) => state === 'held').length;
  const heldMetric = async (reason: string): Promise<number> => {
    const metric = await rig.worker.metrics.registry.getSingleMetric('offboarding_held_total')?.get();
    return metric?.values.find((value) => value.labels.reason === reason)?.value ?? 0;
  };

  const team = async (count: number, brake: Tenant['settings']['brake'] = BRAKE): Promise<[Tenant, Person[]]> => {
    const tenant = await rig.addTenant({ brake });
    return [tenant, await rig.addPeople(tenant, count)];
  };

  it('admits exactly the threshold: "at least" in a small company, the percentage in a larger one', async () => {
    const [, few] = await team(10);
    await offboard(few.slice(0, 4));
    expect(await states(few.slice(0, 4))).toEqual(['completed', 'completed', 'completed', 'held']);
    const [, many] = await team(50);
    await offboard(many.slice(0, 7));
    expect(await held(many.slice(0, 7))).toBe(2);
    await rig.expectAgreement([...few, ...many]);
  });

  it('admits the same number if all arrive at once', async () => {
    const [, people] = await team(60);
    const gone = people.slice(0, 40);
    await Promise.all(gone.map((person) => rig.directory.setActive(person, false)));
    await rig.quiet();
    expect(await held(gone)).toBe(34);
    await rig.expectAgreement(people);
  });

  it('fences and signs out held people, leaves them access and roles, publishes the reason, and counts them', async () => {
    const before = await heldMetric('threshold');
    const [, people] = await team(5);
    await offboard(people.slice(0, 4));
    const [last] = people.slice(3);
    expect(last && (await rig.access(last)).at(-1)).toMatchObject({ status: 'active', roles: ['viewer'] });
    expect(last && (await rig.cognito.user(last.id))?.enabled).toBe(true);
    expect(last && (await rig.caseEvents(last))).toEqual(['held']);
    const [stored] = (last && (await rig.cases(last))) ?? [];
    expect(stored).toMatchObject({ held_because: 'threshold', fenced_at: null });
    expect(stored?.held_signed_out_at).not.toBeNull();
    expect(stored?.held_sessions_ended_at).not.toBeNull();
    const fences = last ? (await rig.access(last)).slice(-2).map(({ notBefore }) => Date.parse(notBefore ?? '')) : [];
    expect(fences).toEqual([stored?.held_at?.getTime(), Math.max(...fences)]);
    expect(fences[1]).toBeGreaterThan(fences[0] ?? Infinity);
    expect(last && (await rig.cognito.calls(`subject=${last.id}&operation=AdminUserGlobalSignOut`))).toHaveLength(1);
    expect(await heldMetric('threshold')).toBe(before + 1);
  });

  it('counts losses within the window only', async () => {
    const [tenant, people] = await team(10);
    await offboard(people.slice(0, 3));
    await rig.admin.query(
      `update offboarding_case set fenced_at = fenced_at - interval '8 minutes' where tenant = $1`,
      [tenant.id],
    );
    await offboard(people.slice(3, 4));
    expect(await states(people.slice(3, 4))).toEqual(['held']);
    await rig.admin.query(
      `update offboarding_case set fenced_at = fenced_at - interval '2 minutes' where tenant = $1`,
      [tenant.id],
    );
    await offboard(people.slice(4, 7));
    expect(await states(people.slice(4, 7))).toEqual(['completed', 'completed', 'completed']);
  });

  it('holds the last administrator, also right after another one, until there is a new administrator', async () => {
    const tenant = await rig.addTenant({ brake: BRAKE });
    const admins = await rig.addPeople(tenant, 2, ['super_admin', 'viewer']);
    await rig.addPeople(tenant, 3);
    await offboard(admins);
    const after = await Promise.all(admins.map((admin) => rig.cases(admin)));
    expect(after.flat().map((c) => [c.state, c.held_because])).toEqual([
      ['completed', null],
      ['held', 'last_admin'],
    ]);
    const [, second] = admins;
    if (!second) throw new Error('no second administrator');
    await rig.directory.setActive(second, true);
    await rig.addPeople(tenant, 1, ['super_admin']);
    await offboard([second]);
    expect(await states([second])).toEqual(['completed']);
  });

  it('admits released cases, some or all, without counting them', async () => {
    const [tenant, people] = await team(10);
    const gone = people.slice(0, 7);
    await offboard(gone);
    expect(await held(gone)).toBe(4);
    const [first] = await rig.cases(gone[3] as Person);
    expect(await rig.release(tenant, [first?.id ?? '', randomUUID()])).toBe(1);
    await rig.quiet();
    expect(await held(gone)).toBe(3);
    expect(await rig.caseEvents(gone[3] as Person)).toEqual(['held', 'released', 'opened', 'completed']);
    expect(await rig.cases(gone[3] as Person)).toMatchObject([{ released_by: 'grace@example.com' }]);
    expect(await rig.release(tenant)).toBe(3);
    await rig.quiet();
    expect(await held(gone)).toBe(0);
    expect(await rig.release(tenant)).toBe(0);
    await rig.expectAgreement(people);
    const counting = await rig.admin.query('select 1 from offboarding_case where tenant = $1 and counts', [tenant.id]);
    expect(counting).toHaveLength(3);
  });

  it(
    'counts and releases within one tenant only',
    async () => {
      const [one, ones] = await team(5);
      const [, others] = await team(5);
      await offboard([...ones.slice(0, 4), ...others.slice(0, 3)]);
      expect([await held(ones), await held(others)]).toEqual([1, 0]);
      await offboard(others.slice(3, 4));
      const [foreign] = await rig.cases(others[3] as Person);
      expect(await rig.release(one, [foreign?.id ?? ''])).toBe(0);
      expect(await held(others)).toBe(1);
    },
    LIMIT_MS,
  );

  it('discards a held case when the person is reactivated, because access was never ended', async () => {
    const [, people] = await team(5);
    await offboard(people.slice(0, 4));
    const last = people[3] as Person;
    await rig.directory.setActive(last, true);
    await rig.quiet();
    expect(await rig.caseEvents(last)).toEqual(['held', 'discarded']);
    const access = await rig.access(last);
    expect(new Set(access.map((a) => a.status))).toEqual(new Set(['active']));
    expect(await rig.cognito.calls(`subject=${last.id}&operation=AdminDisableUser`)).toEqual([]);
    await offboard([last]);
    expect(await rig.caseEvents(last)).toEqual(['held', 'discarded', 'held']);
  });

  it('releases a held case after the time that the tenant allows', async () => {
    const [tenant, people] = await team(5, { ...BRAKE, holdHours: 2 });
    await offboard(people.slice(0, 4));
    await rig.admin.query(
      `update offboarding_case set held_until = held_until - interval '1 hour 59 minutes' where tenant = $1 and state = 'held'`,
      [tenant.id],
    );
    await rig.quiet();
    expect(await held(people)).toBe(1);
    await rig.admin.query(
      `update offboarding_case set held_until = held_until - interval '2 minutes' where tenant = $1 and state = 'held'`,
      [tenant.id],
    );
    await rig.eventuallyState(people[3] as Person, 'completed');
    expect(await rig.cases(people[3] as Person)).toMatchObject([{ released_by: 'timer' }]);
  });

  it('holds nothing if it is off, and everything but one case with zero percent and a minimum of one', async () => {
    const [, free] = await team(10, null);
    await offboard(free);
    expect(await held(free)).toBe(0);
    const [, tight] = await team(4, { ...BRAKE, percent: 0, atLeast: 1 });
    await offboard(tight);
    expect(await held(tight)).toBe(3);
  });

  it('does not count people without a Cognito user', async () => {
    const tenant = await rig.addTenant({ brake: { ...BRAKE, atLeast: 1 } });
    const ghosts = await rig.directory.addPeople(tenant, 5);
    await rig.quiet();
    await offboard(ghosts);
    expect(await states(ghosts)).toEqual(Array(5).fill('completed'));
    const [real] = await rig.addPeople(tenant, 1);
    await offboard([real as Person]);
    expect(await states([real as Person])).toEqual(['completed']);
  });
});
