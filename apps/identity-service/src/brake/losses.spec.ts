/** Which losses of roles happen, which are held, and which have to be decided. */
import type { Cause, HeldLoss, Subject } from '../accounts/subject.js';
import { classify, decideLosses, lossOf, type PendingLoss } from './losses.js';

const cause: Cause = { type: 'group.members-changed', groupId: 'g1', causationId: 'req-2' };
const first: Cause = { type: 'settings.changed', groupId: null, causationId: 'settings:7' };
const brake = { percent: 10, atLeast: 2, windowMinutes: 10, holdHours: 24, lastAdminHoldMinutes: 60 };
const names = { userName: 'ada', externalId: null, email: null, displayName: null, givenName: null, familyName: null };

/** An account that has the roles `has`, and whose groups give the roles `given`. */
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
      announcedStatus: 'active',
      announcedCase: 0,
    },
    directory: { ...names, active: true, deleted: false },
    access: null,
    offboarding: null,
    derived: given.map((role) => ({ role, groups: ['g'] })),
    held: null,
    rules: { groupSync: true, version: 1, roles: ['admin', 'agent', 'viewer'], brake },
    ...change,
  };
}
const pending = (id: string, has: string[], given: string[] = []): PendingLoss => {
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
const decided = (losses: PendingLoss[], more: Partial<typeof count> = {}, of = brake) =>
  decideLosses(losses, of, { ...count, ...more }).map((v) => v.because);

describe('a loss of roles', () => {
  it('affects an account in use that stays in use, and follows from its groups', () => {
    const { current, rules, directory } = subject('a', ['agent', 'viewer'], ['viewer']);
    const of = (change: Partial<Subject>) => lossOf(subject('a', ['agent', 'viewer'], ['viewer'], change));
    expect(of({})).toEqual(['agent']);
    expect(of({ rules: { ...rules, groupSync: false } })).toEqual([]);
    expect(of({ directory: { ...directory, deleted: true } })).toEqual([]);
    expect(of({ current: { ...current, provisioned: false } })).toEqual([]);
    expect(of({ access: { status: 'inactive', causationId: 'c' } })).toEqual([]);
    expect(lossOf(subject('a', ['viewer'], ['agent', 'viewer']))).toEqual([]);
  });

  it('has to be decided by the brake, unless the tenant has none', () => {
    const one = subject('a', ['agent'], []);
    expect(classify(one, cause)).toEqual({ subject: one, loss: ['agent'], cause });
    const free = { ...one, rules: { ...one.rules, brake: null }, held: held(['agent']) };
    expect(classify(free, cause)).toEqual({ subject: free, kept: [], because: null, cause: first });
  });

  it('stays held together with roles that are lost later, and keeps its first cause', () => {
    const one = subject('a', ['agent', 'viewer'], [], { held: held(['agent']) });
    expect(classify(one, cause)).toMatchObject({ kept: ['agent', 'viewer'], because: 'threshold', cause: first });
  });

  it('is no longer held when it is undone', () => {
    const one = subject('a', ['agent'], ['agent'], { held: held(['agent']) });
    expect(classify(one, cause)).toMatchObject({ kept: [], because: null });
  });

  it('happens with its first cause after a release; roles that are lost later are decided again', () => {
    const one = subject('a', ['agent'], [], { held: held(['agent'], true) });
    expect(classify(one, cause)).toMatchObject({ kept: [], because: null, cause: first });
    const more = subject('a', ['admin', 'agent'], [], { held: held(['agent'], true) });
    expect(classify(more, cause)).toMatchObject({ loss: ['admin'], cause });
  });
});

describe('the brake', () => {
  const three = [pending('a', ['viewer']), pending('b', ['viewer']), pending('c', ['viewer'])];

  it('allows as many losses as the limit, and holds the surplus', () => {
    expect(decided(three)).toEqual([null, null, 'threshold']);
    expect(decided(three, { lost: 2 })).toEqual(['threshold', 'threshold', 'threshold']);
    expect(decided(three, { accounts: 30 })).toEqual([null, null, null]);
    expect(decided(three, { accounts: 29 })).toEqual([null, null, 'threshold']);
  });

  it('counts an account once, however often it loses within the window', () => {
    expect(decided([pending('a', ['viewer'])], { lost: 2, already: new Set(['a']) })).toEqual([null]);
    expect(decided([pending('a', ['viewer']), pending('b', ['viewer'])], { lost: 2, already: new Set(['a']) })).toEqual(
      [null, 'threshold'],
    );
  });

  it('holds the loss of the last account with the strongest role, and counts earlier losses of the same change', () => {
    const wide = { ...brake, atLeast: 100 };
    const two = [pending('a', ['admin']), pending('b', ['admin', 'viewer'], ['viewer'])];
    expect(decided(two, { holders: 3 }, wide)).toEqual([null, null]);
    expect(decided(two, { holders: 2 }, wide)).toEqual([null, 'last_admin']);
    expect(decided(two, { holders: 1 }, wide)).toEqual(['last_admin', 'last_admin']);
    expect(decided([pending('a', ['agent'])], { holders: 0 }, wide)).toEqual([null]);
  });

  it('counts accounts that gain the strongest role in the same change', () => {
    const swap = [pending('a', ['admin'], ['viewer']), pending('b', ['viewer'], ['admin'])];
    expect(decided(swap, { holders: 1 })).toEqual([null, null]);
  });
});
