/** What follows from a change of one account: events, grants, urgency. */
import { PRIORITY, transition, type Cause, type Subject } from './transition.js';

const cause: Cause = { type: 'user.joined-group', groupId: 'g2', causationId: 'req-7' };
const names = { userName: 'ada', externalId: null, email: null, displayName: null, givenName: null, familyName: null };

function subject(current: Partial<Subject['current']>, more: Partial<Omit<Subject, 'current'>> = {}): Subject {
  return {
    id: 'u',
    tenant: 't',
    current: {
      ...names,
      status: 'active',
      assignedRoles: [],
      roles: [],
      version: 4,
      accessVersion: 2,
      provisioned: true,
      dirty: false,
      priority: 1,
      ...current,
    },
    directory: { ...names, active: true, deleted: false },
    derived: [],
    rules: { groupSync: true, deactivateOnOffboard: true, version: 3 },
    ...more,
  };
}
const agent = [{ role: 'itsm_agent', groups: ['g1', 'g2'] }];
const priority = (s: Subject, bulk = false): number | undefined => transition(s, cause, bulk)?.priority;

describe('a transition', () => {
  it('is none when nothing follows', () => {
    expect(
      transition(subject({ assignedRoles: ['itsm_agent'], roles: ['itsm_agent'] }, { derived: agent }), cause, false),
    ).toBeNull();
  });

  it('names the group of the event as the source of a grant if it gives the role, else one that does', () => {
    expect(transition(subject({}, { derived: agent }), cause, false)?.granted).toEqual([
      { role: 'itsm_agent', group: 'g2' },
    ]);
    expect(transition(subject({}, { derived: agent }), { ...cause, groupId: 'other' }, false)?.granted).toEqual([
      { role: 'itsm_agent', group: 'g1' },
    ]);
  });

  it('numbers its events one by one, and those of access on their own', () => {
    const change = subject(
      { roles: ['viewer'], assignedRoles: ['viewer'] },
      { directory: { ...names, displayName: 'New', active: false, deleted: false } },
    );
    const next = transition(change, cause, false);
    expect(next?.events.map((e) => [e.type.split('.').slice(-3, -1).join('.'), e.sequence])).toEqual([
      ['account.updated', 5],
      ['account.deactivated', 6],
      ['account.roles-changed', 7],
      ['access.changed', 3],
    ]);
    expect([next?.version, next?.accessVersion]).toEqual([7, 3]);
  });

  it('says nothing about an account that Cognito does not have yet, but publishes its access at once', () => {
    const next = transition(
      subject({ provisioned: false, accessVersion: 0, version: 0 }, { derived: agent }),
      cause,
      false,
    );
    expect(next?.events.map((e) => e.type)).toEqual(['com.stackflow.identity.access.changed.v1']);
    expect(next?.version).toBe(0);
  });

  it('a removed account stays removed', () => {
    expect(transition(subject({ status: 'removed' }, { derived: agent }), cause, false)?.status).toBe('removed');
  });
});

describe('"Deactivate on Offboard"', () => {
  const viewer = [{ role: 'viewer', groups: ['g1'] }];
  const status = (current: Partial<Subject['current']>, deactivateOnOffboard: boolean, active = false) => {
    const s = subject(current, {
      directory: { ...names, active, deleted: false },
      derived: viewer,
      rules: { groupSync: true, deactivateOnOffboard, version: 3 },
    });
    return transition(s, cause, false)?.status ?? s.current.status;
  };

  it('off keeps who is active, and never activates who is not', () => {
    expect(status({ status: 'active' }, false)).toBe('active');
    expect(status({ status: 'inactive', assignedRoles: ['viewer'] }, false)).toBe('inactive');
    expect(status({ status: 'inactive', version: 0, accessVersion: 0, provisioned: false }, false)).toBe('inactive');
    expect(status({ status: 'inactive' }, false, true)).toBe('active');
  });

  it('on takes the access of everybody who is inactive in the directory', () => {
    expect(status({ status: 'active' }, true)).toBe('inactive');
  });
});

describe('urgency', () => {
  const losing = { roles: ['viewer'], assignedRoles: ['viewer'] };
  it('less access goes first, also among thousands; a single change before bulk', () => {
    expect(priority(subject(losing))).toBe(PRIORITY.reduced);
    expect(priority(subject(losing), true)).toBe(PRIORITY.reduced);
    expect(
      priority(
        subject(losing, {
          directory: { ...names, active: false, deleted: false },
          derived: [{ role: 'viewer', groups: [] }],
        }),
      ),
    ).toBe(PRIORITY.reduced);
    expect(priority(subject({}, { derived: agent }))).toBe(PRIORITY.single);
    expect(priority(subject({}, { derived: agent }), true)).toBe(PRIORITY.bulk);
  });

  it('an account that waits already is never put back', () => {
    expect(priority(subject({ dirty: true, priority: PRIORITY.reduced }, { derived: agent }))).toBe(PRIORITY.reduced);
    expect(priority(subject({ dirty: true, priority: PRIORITY.bulk }, { derived: agent }))).toBe(PRIORITY.single);
  });

  it('one of thousands that wait for their creation keeps its place when it joins a group', () => {
    expect(priority(subject({ provisioned: false, dirty: true, priority: PRIORITY.bulk }, { derived: agent }))).toBe(
      PRIORITY.bulk,
    );
  });
});
