/** What follows from a change of one account: events, grants, urgency. */
import { sampleData, type OffboardingCase } from '#events';
import { nextStatus, type Closing } from './status.js';
import { PRIORITY, transition, type AccountStatus, type Cause, type Subject } from './transition.js';

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
      provisioned: true,
      dirty: false,
      priority: 1,
      toldStatus: 'active',
      toldCase: 0,
      ...current,
    },
    directory: { ...names, active: true, deleted: false },
    access: null,
    closing: null,
    derived: [],
    held: null,
    rules: { groupSync: true, version: 3, roles: ['itsm_agent', 'viewer'], brake: null },
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

  it('numbers its events one by one', () => {
    const change = subject(
      { roles: ['viewer'], assignedRoles: ['viewer'], toldStatus: 'inactive' },
      { directory: { ...names, displayName: 'New', active: true, deleted: false } },
    );
    const next = transition(change, cause, false);
    expect(next?.events.map((e) => [e.type.split('.').slice(-3, -1).join('.'), e.sequence])).toEqual([
      ['account.updated', 5],
      ['account.reactivated', 6],
      ['account.roles-changed', 7],
    ]);
    expect(next?.version).toBe(7);
  });

  it('says nothing about an account that Cognito does not have yet', () => {
    const next = transition(
      subject({ status: 'inactive', provisioned: false, toldStatus: null, version: 0 }, { derived: agent }),
      cause,
      false,
    );
    expect(next).toMatchObject({ status: 'active', events: [], version: 0, toldStatus: null });
    expect(next?.granted).toEqual([{ role: 'itsm_agent', group: 'g2' }]);
  });

  it('puts a revocation by the closing down to the closing, whatever event led to the evaluation', () => {
    const next = transition(
      subject({ roles: ['viewer'], assignedRoles: ['viewer'] }, { access: says('inactive'), derived: agent }),
      cause,
      false,
    );
    expect(next).toMatchObject({
      status: 'inactive',
      roles: [],
      assignedRoles: ['itsm_agent'],
      revoked: ['viewer'],
      cause: { type: 'access.closed', groupId: null, causationId: 'req-close' },
    });
  });

  it('a person whom the directory has deleted keeps the roles until the worker closes', () => {
    const deleted = { directory: { ...names, active: false, deleted: true } };
    const has = { roles: ['viewer'], assignedRoles: ['viewer'] };
    expect(transition(subject(has, deleted), cause, false)).toBeNull();
    expect(transition(subject(has, { ...deleted, access: says('removed') }), cause, false)).toMatchObject({
      status: 'removed',
      assignedRoles: [],
      revoked: ['viewer'],
    });
  });
});

const says = (status: AccountStatus) => ({ status, causationId: 'req-close' });

describe('the status', () => {
  const next = (current: AccountStatus, word: AccountStatus | null, active: boolean, deleted = false) =>
    nextStatus(subject({ status: current }, { access: word && says(word), directory: { ...names, active, deleted } }));

  it('is closed when the worker says so, whatever the directory says; removed is for ever', () => {
    for (const current of ['active', 'inactive'] as const)
      for (const active of [true, false]) {
        expect(next(current, 'inactive', active)).toBe('inactive');
        expect(next(current, 'removed', active)).toBe('removed');
      }
    for (const word of ['active', 'inactive', 'removed', null] as const)
      expect(next('removed', word, true)).toBe('removed');
  });

  it('is active by the directory unless the worker closed; the directory alone closes nobody and opens no ex-employee', () => {
    for (const word of ['active', null] as const) {
      expect(next('inactive', word, true)).toBe('active');
      expect(next('active', word, false)).toBe('active');
      expect(next('active', word, false, true)).toBe('active');
      expect(next('inactive', word, false)).toBe('inactive');
      expect(next('inactive', word, true, true)).toBe('inactive');
    }
  });
});

describe('what is told of a closing', () => {
  const inCase = (state: OffboardingCase['state'], sequence = 7): Closing => ({
    sequence,
    details: { ...sampleData['com.stackflow.offboarding.case.completed.v1'].case, state, causationId: 'req-case' },
  });
  const told = (current: Partial<Subject['current']>, more: Partial<Omit<Subject, 'current'>>) =>
    transition(subject(current, more), cause, false)?.events.map((e) => [
      e.type.split('.').slice(-2, -1).join(),
      e.causationId,
      'offboarding' in e.data ? e.data.offboarding?.state : undefined,
    ]);

  it('the status when its case is complete, with the case and its causation', () => {
    const open = { roles: ['viewer'], assignedRoles: ['viewer'] };
    const closed = { status: 'inactive', assignedRoles: [] } as const;
    const access = says('inactive');
    expect(told(open, { access, closing: inCase('running', 6) })).toEqual([['roles-changed', 'req-close', undefined]]);
    expect(told(closed, { access, closing: inCase('running') })).toBeUndefined();
    expect(told(closed, { access, closing: inCase('completed') })).toEqual([['deactivated', 'req-case', 'completed']]);
    // The case overtook the access topic: all in one.
    expect(told(open, { access, closing: inCase('completed') })).toEqual([
      ['deactivated', 'req-case', 'completed'],
      ['roles-changed', 'req-close', undefined],
    ]);
    expect(told({ ...closed, status: 'removed' }, { access, closing: inCase('completed') })).toEqual([
      ['removed', 'req-case', 'completed'],
    ]);
  });

  it('once per case, not if it was turned round, and nothing while Cognito does not know the user', () => {
    const closed = { status: 'inactive', assignedRoles: [] } as const;
    const closing = inCase('completed');
    const access = says('inactive');
    expect(told({ ...closed, toldCase: 7, toldStatus: 'inactive' }, { access, closing })).toBeUndefined();
    expect(told({ ...closed, provisioned: false, toldStatus: null }, { access, closing })).toBeUndefined();
    expect(told({ ...closed }, { access, closing: inCase('superseded') })).toBeUndefined();
    expect(transition(subject({ ...closed, toldCase: 6 }, { access, closing }), cause, false)).toMatchObject({
      toldCase: 7,
      toldStatus: 'inactive',
      version: 5,
    });
  });

  it('a reactivation only if a deactivation was told; a closing turned round before that is told by its roles alone', () => {
    const back = { status: 'inactive', assignedRoles: ['itsm_agent'] } as const;
    const more = { access: says('active'), derived: agent };
    expect(told({ ...back, toldStatus: 'active' }, more)).toEqual([['roles-changed', 'req-7', undefined]]);
    expect(told({ ...back, toldStatus: 'inactive' }, more)).toEqual([
      ['reactivated', 'req-7', undefined],
      ['roles-changed', 'req-7', undefined],
    ]);
  });

  it('a deactivation without a case if the worker opens the door of somebody who is inactive in the directory', () => {
    const more = { access: says('active'), directory: { ...names, active: false, deleted: false } };
    expect(told({ status: 'inactive', toldStatus: 'active' }, more)).toEqual([['deactivated', 'req-7', undefined]]);
    expect(told({ status: 'inactive', toldStatus: 'inactive' }, more)).toBeUndefined();
  });

  it('a removal at once if there is no access left to take, else with its case', () => {
    const access = says('removed');
    const gone = { status: 'inactive', assignedRoles: [] } as const;
    expect(told({ ...gone, toldStatus: 'inactive', toldCase: 7 }, { access, closing: inCase('completed') })).toEqual([
      ['removed', 'req-close', undefined],
    ]);
    expect(told({ ...gone, toldStatus: 'inactive' }, { access, closing: inCase('running') })).toEqual([]);
    expect(told({ ...gone, toldStatus: 'active' }, { access })).toEqual([]);
    expect(told({ ...gone, status: 'removed', toldStatus: 'removed', toldCase: 7 }, { access })).toBeUndefined();
  });
});

describe('urgency', () => {
  const losing = { roles: ['viewer'], assignedRoles: ['viewer'] };
  it('less access goes first, also among thousands; a single change before bulk', () => {
    expect(priority(subject(losing))).toBe(PRIORITY.reduced);
    expect(priority(subject(losing), true)).toBe(PRIORITY.reduced);
    expect(priority(subject(losing, { access: says('inactive'), derived: [{ role: 'viewer', groups: [] }] }))).toBe(
      PRIORITY.reduced,
    );
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
