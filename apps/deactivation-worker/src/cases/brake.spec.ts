import { applyBrake, isAdmin, type Candidate, type TenantCount } from './brake.js';

const BRAKE = { percent: 10, atLeast: 2, windowMinutes: 10, holdHours: 24 };
const candidates = (count: number, change: Partial<Candidate> = {}): Candidate[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `c${i}`,
    released: false,
    confirmed: false,
    provisioned: true,
    roles: ['viewer'],
    ...change,
  }));
const tenant = (change: Partial<TenantCount> = {}): TenantCount => ({
  active: 100,
  lost: 0,
  strongestRole: 'super_admin',
  admins: 0,
  ...change,
});
const counts = (...parameters: Parameters<typeof applyBrake>): [number, number] => {
  const { admitted, held } = applyBrake(...parameters);
  return [admitted.length, held.length];
};

describe('the brake over cases that wait for admission', () => {
  it('admits them in order, up to the limit of those who had access when the window began', () => {
    expect(counts(BRAKE, candidates(15), tenant())).toEqual([10, 5]);
    expect(counts(BRAKE, candidates(15), tenant({ active: 95, lost: 5 }))).toEqual([5, 10]);
    expect(counts(BRAKE, candidates(3), tenant({ active: 5 }))).toEqual([2, 1]);
    expect(counts(null, candidates(15), tenant({ active: 15 }))).toEqual([15, 0]);
  });

  it('admits released cases and people without a Cognito user, and does not count them', () => {
    const waiting = [
      ...candidates(20, { released: true }),
      ...candidates(20, { provisioned: false }),
      ...candidates(2),
    ];
    const { admitted, held } = applyBrake(BRAKE, waiting, tenant({ active: 22 }));
    expect([admitted.length, held.length]).toEqual([42, 0]);
    expect(admitted.filter((a) => a.counts)).toHaveLength(2);
  });

  it('never holds a person whom Okta confirms as deactivated or suspended, and does not count them', () => {
    const waiting = [...candidates(20, { confirmed: true }), ...candidates(2)];
    const { admitted, held } = applyBrake(BRAKE, waiting, tenant({ active: 22 }));
    expect([admitted.length, held.length, admitted.filter((a) => a.counts).length]).toEqual([22, 0, 2]);
    const admin = candidates(1, { roles: ['super_admin'], confirmed: true });
    expect(counts(BRAKE, admin, tenant({ admins: 1 }))).toEqual([1, 0]);
  });

  it('holds the last administrator, also the last of several in one push, but none of the others', () => {
    const admins = candidates(2, { roles: ['super_admin', 'viewer'] });
    expect(applyBrake(BRAKE, admins, tenant({ admins: 2 })).held).toEqual([{ id: 'c1', because: 'last_admin' }]);
    expect(counts(BRAKE, admins, tenant({ admins: 3 }))).toEqual([2, 0]);
    expect(counts(BRAKE, candidates(1, { roles: ['super_admin'], released: true }), tenant({ admins: 1 }))).toEqual([
      1, 0,
    ]);
  });

  it('counts a released administrator as gone when it decides about the next one', () => {
    const [first, second] = candidates(2, { roles: ['super_admin'] });
    const waiting = [first, second].flatMap((one, i) => (one ? [{ ...one, released: i === 0 }] : []));
    expect(applyBrake(BRAKE, waiting, tenant({ admins: 2 })).held).toEqual([{ id: 'c1', because: 'last_admin' }]);
    const absent = waiting.map((one) => ({ ...one, provisioned: one.id === 'c1' }));
    expect(applyBrake(BRAKE, absent, tenant({ admins: 2 })).held).toEqual([]);
  });

  it('knows as administrators only users in Cognito with the strongest role', () => {
    expect(isAdmin({ roles: ['super_admin', 'viewer'], provisioned: true }, 'super_admin')).toBe(true);
    expect(isAdmin({ roles: ['viewer', 'super_admin'], provisioned: true }, 'super_admin')).toBe(false);
    expect(isAdmin({ roles: ['super_admin'], provisioned: false }, 'super_admin')).toBe(false);
    expect(isAdmin({ roles: [], provisioned: true }, undefined)).toBe(false);
    expect(isAdmin({ roles: ['viewer'], provisioned: true }, undefined)).toBe(false);
  });
});
