import { brakeDecision, brakeLimit, BrakeTally } from './brake.js';
import { holdMinutes } from './held.js';

const BRAKE = { percent: 10, atLeast: 2, windowMinutes: 10, holdHours: 24 };

describe('the limit of the brake', () => {
  it('is a percentage of the accounts that had access when the window began, but never below the minimum', () => {
    expect(brakeLimit(BRAKE, { active: 100, lost: 0 })).toBe(10);
    expect(brakeLimit(BRAKE, { active: 90, lost: 10 })).toBe(10);
    expect(brakeLimit(BRAKE, { active: 5, lost: 0 })).toBe(2);
  });

  it('does not exist for a tenant without a brake', () => {
    expect(brakeDecision(null, { active: 1, lost: 99, lastAdmin: true })).toBeNull();
  });
});

describe('several losses at once', () => {
  it('are allowed up to the limit, and a held loss does not count', () => {
    const tally = new BrakeTally(BRAKE, { active: 98, lost: 2, admins: 0 });
    const decisions = Array.from({ length: 10 }, () => tally.decide({ admin: false }));
    expect(decisions.filter((because) => because === null)).toHaveLength(8);
    expect(decisions.slice(8)).toEqual(['threshold', 'threshold']);
  });

  it('count an account once that loses again within the window', () => {
    const tally = new BrakeTally(BRAKE, { active: 8, lost: 2, admins: 0 });
    expect(tally.decide({ admin: false, again: true })).toBeNull();
    expect(tally.decide({ admin: false })).toBe('threshold');
  });

  it('never take the last administrator, also after another one passed without a decision', () => {
    const tally = new BrakeTally(BRAKE, { active: 100, lost: 0, admins: 2 });
    tally.pass({ admin: true });
    expect([tally.decide({ admin: true }), tally.decide({ admin: false })]).toEqual(['last_admin', null]);
  });
});

it('holds the last administrator for minutes and everybody else for hours', () => {
  const brake = { ...BRAKE, holdHours: 3, lastAdminHoldMinutes: 5 };
  expect([holdMinutes('last_admin', brake), holdMinutes('threshold', brake)]).toEqual([5, 180]);
  expect([holdMinutes('last_admin', null), holdMinutes('threshold', null)]).toEqual([60, 1440]);
});
