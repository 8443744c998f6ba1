/** Which losses of roles happen, wait, or have to be decided. */
import { decideLosses, judge, lossOf, type Asking, type HeldLoss } from './losses.js';
import type { Cause, Subject } from './transition.js';

const cause: Cause = { type: 'user.left-group', groupId: 'g1', causationId: 'req-2' };
const first: Cause = { type: 'settings.changed', groupId: null, causationId: 'settings:7' };
const brake = { percent: 10, atLeast: 2, windowMinutes: 10, holdHours: 24 };
const names = { userName: 'ada', externalId: null, email: null, displayName: null, givenName: null, familyName: null };

/** Has `has`, is given `given`. */
function subject(id: string, has: string[], given: string[], change: Partial<Subject> = {}): Subject {
  return {
    id,
    tenant: 't',
    current: {
      ...names,
      status: 'active',
      assignedRoles: has,
      roles: has,
      version: 1,
      provisioned: true,
      dirty: false,
      priority: 1,
      toldStatus: 'active',
      toldCase: 0,
    },
    directory: { ...names, active: true, deleted: false },
    access: null,
    closing: null,
    derived: given.map((role) => ({ role, groups: ['g'] })),
    held: null,
    rules: { groupSync: true, version: 1, roles: ['admin', 'agent', 'viewer'], brake },
    ...change,
  };
}
const ask = (id: string, has: string[], given: string[] = []): Asking => {
  const s = subject(id, has, given);
  return { subject: s, loss: lossOf(s), cause };
};
const held = (wouldLose: string[], released = false): HeldLoss => ({
  wouldLose,
  because: 'threshold',
  cause: first,
  released,
});
const count = { accounts: 0, lost: 0, already: new Set<string>(), holders: 5 };
const decided = (asking: Asking[], more: Partial<typeof count> = {}, of = brake) =>
  decideLosses(asking, of, { ...count, ...more }).map((v) => v.because);

describe('a loss of roles', () => {
  it('is one of an account in use that stays in use, by what its groups give', () => {
    const { current, rules, directory } = subject('a', ['agent', 'viewer'], ['viewer']);
    const of = (change: Partial<Subject>) => lossOf(subject('a', ['agent', 'viewer'], ['viewer'], change));
    expect(of({})).toEqual(['agent']);
    expect(of({ rules: { ...rules, groupSync: false } })).toEqual([]);
    expect(of({ directory: { ...directory, deleted: true } })).toEqual([]);
    expect(of({ current: { ...current, provisioned: false } })).toEqual([]);
    expect(of({ access: { status: 'inactive', causationId: 'c' } })).toEqual([]);
    expect(lossOf(subject('a', ['viewer'], ['agent', 'viewer']))).toEqual([]);
  });

  it('has to be decided, unless the tenant has no brake', () => {
    const one = subject('a', ['agent'], []);
    expect(judge(one, cause)).toEqual({ subject: one, loss: ['agent'], cause });
    const free = { ...one, rules: { ...one.rules, brake: null }, held: held(['agent']) };
    expect(judge(free, cause)).toEqual({ subject: free, kept: [], because: null, cause: first });
  });

  it('that is held stays held with what comes on top of it, and keeps its first cause', () => {
    const one = subject('a', ['agent', 'viewer'], [], { held: held(['agent']) });
    expect(judge(one, cause)).toMatchObject({ kept: ['agent', 'viewer'], because: 'threshold', cause: first });
  });

  it('that is undone is held no more', () => {
    const one = subject('a', ['agent'], ['agent'], { held: held(['agent']) });
    expect(judge(one, cause)).toMatchObject({ kept: [], because: null });
  });

  it('that was released happens with its first cause; what came on top of it is decided anew', () => {
    const one = subject('a', ['agent'], [], { held: held(['agent'], true) });
    expect(judge(one, cause)).toMatchObject({ kept: [], because: null, cause: first });
    const more = subject('a', ['admin', 'agent'], [], { held: held(['agent'], true) });
    expect(judge(more, cause)).toMatchObject({ loss: ['admin'], cause });
  });
});

describe('the brake', () => {
  const three = [ask('a', ['viewer']), ask('b', ['viewer']), ask('c', ['viewer'])];

  it('lets as many go as the limit, and holds the surplus', () => {
    expect(decided(three)).toEqual([null, null, 'threshold']);
    expect(decided(three, { lost: 2 })).toEqual(['threshold', 'threshold', 'threshold']);
    expect(decided(three, { accounts: 30 })).toEqual([null, null, null]);
    expect(decided(three, { accounts: 29 })).toEqual([null, null, 'threshold']);
  });

  it('counts an account once, however often it loses within the window', () => {
    expect(decided([ask('a', ['viewer'])], { lost: 2, already: new Set(['a']) })).toEqual([null]);
    expect(decided([ask('a', ['viewer']), ask('b', ['viewer'])], { lost: 2, already: new Set(['a']) })).toEqual([
      null,
      'threshold',
    ]);
  });

  it('never lets the last one with the strongest role go, others before him in the same change counted', () => {
    const wide = { ...brake, atLeast: 100 };
    const two = [ask('a', ['admin']), ask('b', ['admin', 'viewer'], ['viewer'])];
    expect(decided(two, { holders: 3 }, wide)).toEqual([null, null]);
    expect(decided(two, { holders: 2 }, wide)).toEqual([null, 'last_admin']);
    expect(decided(two, { holders: 1 }, wide)).toEqual(['last_admin', 'last_admin']);
    expect(decided([ask('a', ['agent'])], { holders: 0 }, wide)).toEqual([null]);
  });

  it('counts who gains the strongest role in the same change', () => {
    const swap = [ask('a', ['admin'], ['viewer']), ask('b', ['viewer'], ['admin'])];
    expect(decided(swap, { holders: 1 })).toEqual([null, null]);
  });
});
