import { applyBrake, type Candidate, type Standing } from './brake.js';

const BRAKE = { percent: 10, atLeast: 2, windowMinutes: 10, holdHours: 24 };
const candidates = (count: number, change: Partial<Candidate> = {}): Candidate[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `c${i}`,
    released: false,
    provisioned: true,
    roles: ['viewer'],
    ...change,
  }));
const standing = (change: Partial<Standing> = {}): Standing => ({
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

describe('the brake over those who wait', () => {
  it('admits up to the limit in order, of what there was when the window began', () => {
    expect(counts(BRAKE, candidates(15), standing())).toEqual([10, 5]);
    expect(counts(BRAKE, candidates(15), standing({ active: 95, lost: 5 }))).toEqual([5, 10]);
    expect(counts(BRAKE, candidates(3), standing({ active: 5 }))).toEqual([2, 1]);
    expect(counts(null, candidates(15), standing({ active: 15 }))).toEqual([15, 0]);
  });

  it('released cases and people without account pass and do not count', () => {
    const waiting = [
      ...candidates(20, { released: true }),
      ...candidates(20, { provisioned: false }),
      ...candidates(2),
    ];
    const { admitted, held } = applyBrake(BRAKE, waiting, standing({ active: 22 }));
    expect([admitted.length, held.length]).toEqual([42, 0]);
    expect(admitted.filter((a) => a.counts)).toHaveLength(2);
  });

  it('the last administrator is held, also the last of several in one push; the others are not', () => {
    const admins = candidates(2, { roles: ['super_admin', 'viewer'] });
    expect(applyBrake(BRAKE, admins, standing({ admins: 2 })).held).toEqual([{ id: 'c1', because: 'last_admin' }]);
    expect(counts(BRAKE, admins, standing({ admins: 3 }))).toEqual([2, 0]);
    expect(counts(BRAKE, candidates(1, { roles: ['super_admin'], released: true }), standing({ admins: 1 }))).toEqual([
      1, 0,
    ]);
  });
});
