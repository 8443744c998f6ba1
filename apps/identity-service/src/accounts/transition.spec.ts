/** The consequences of a change of one account: events, grants, urgency. */
import { sampleData, type OffboardingCase } from '#events';
import type { AccountStatus } from './account.entity.js';
import { nextStatus } from './status.js';
import type { Cause, KnownCase, Subject } from './subject.js';
import { PRIORITY, transition } from './transition.js';

const cause: Cause = { type: 'group.members-changed', groupId: 'g2', causationId: 'req-7' };
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
      announcedStatus: 'active',
      announcedCase: 0,
      ...current,
    },
    directory: { ...names, active: true, deleted: false },
    access: null,
    offboarding: null,
    derived: [],
    held: null,
    rules: { groupSync: true, version: 3, roles: ['itsm_agent', 'viewer'], brake: null },
    ...more,
  };
}
const agent = [{ role: 'itsm_agent', groups: ['g1', 'g2'] }];
const priority = (s: Subject, bulk = false): number | undefined => transition(s, cause, bulk)?.priority;

describe('a transition', () => {
  it('is null when the account is as it should be', () => {
    expect(
      transition(subject({ assignedRoles: ['itsm_agent'], roles: ['itsm_agent'] }, { derived: agent }), cause, false),
    ).toBeNull();
  });

  it('records the group of the event as the source of a grant if that group gives the role, else a group that does', () => {
    expect(transition(subject({}, { derived: agent }), cause, false)?.granted).toEqual([
      { role: 'itsm_agent', group: 'g2' },
    ]);
    expect(transition(subject({}, { derived: agent }), { ...cause, groupId: 'other' }, false)?.granted).toEqual([
      { role: 'itsm_agent', group: 'g1' },
    ]);
  });

  it('gives its events consecutive sequences', () => {
    const change = subject(
      { roles: ['viewer'], assignedRoles: ['viewer'], announcedStatus: 'inactive' },
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

  it('grants and revokes only the difference, and names both in one event', () => {
    const both = [...agent, { role: 'viewer', groups: ['g3'] }];
    const gains = transition(
      subject({ roles: ['viewer'], assignedRoles: ['viewer'] }, { derived: both }),
      cause,
      false,
    );
    expect(gains).toMatchObject({ granted: [{ role: 'itsm_agent', group: 'g2' }], revoked: [] });
    expect(gains?.events[0]?.data).toMatchObject({ granted: ['itsm_agent'], revoked: [] });
    const has = { roles: ['itsm_agent', 'viewer'], assignedRoles: ['itsm_agent', 'viewer'] };
    expect(transition(subject(has, { derived: agent }), cause, false)).toMatchObject({
      granted: [],
      revoked: ['viewer'],
    });
  });

  it('announces the attributes that its event contains, by their names there, and stores the others silently', () => {
    const changed = (change: Partial<Subject['directory']>) =>
      transition(subject({}, { directory: { ...names, ...change, active: true, deleted: false } }), cause, false);
    const visible = changed({ email: 'a@x', displayName: 'Ada', givenName: 'A' });
    expect(visible?.events.map((e) => (e.data as { changed: string[] }).changed)).toEqual([['emails', 'displayName']]);
    const silent = changed({ givenName: 'A' });
    expect(silent).toMatchObject({ events: [], version: 4, profile: { givenName: 'A' } });
  });

  it('keeps the roles whose loss is held in the order of the tenant, and one that the tenant no longer has at the end', () => {
    const roles = ['viewer', 'retired'];
    const next = transition(subject({ roles, assignedRoles: roles }, { derived: agent }), cause, false, roles);
    expect(next).toMatchObject({ assignedRoles: ['itsm_agent', 'viewer', 'retired'], revoked: [] });
    const admins = { groupSync: true, version: 3, roles: ['admin', 'itsm_agent', 'viewer'], brake: null };
    const other = transition(subject({ roles: ['viewer'] }, { derived: agent, rules: admins }), cause, false, [
      'viewer',
    ]);
    expect(other?.assignedRoles).toEqual(['itsm_agent', 'viewer']);
  });

  it('comes first if access ends, even without a role, but not if access begins', () => {
    expect(priority(subject({}, { access: published('inactive') }))).toBe(PRIORITY.reduced);
    expect(priority(subject({ status: 'inactive', announcedStatus: 'inactive' }))).toBe(PRIORITY.single);
  });

  it('publishes nothing about an account that Cognito does not have yet', () => {
    const next = transition(
      subject({ status: 'inactive', provisioned: false, announcedStatus: null, version: 0 }, { derived: agent }),
      cause,
      false,
    );
    expect(next).toMatchObject({ status: 'active', events: [], version: 0, announcedStatus: null });
    expect(next?.granted).toEqual([{ role: 'itsm_agent', group: 'g2' }]);
  });

  it('records the end of access as the cause of its revocations, whatever event led to the evaluation', () => {
    const next = transition(
      subject({ roles: ['viewer'], assignedRoles: ['viewer'] }, { access: published('inactive'), derived: agent }),
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

  it('leaves the roles to a person who was deleted in the directory until the worker closes the account', () => {
    const deleted = { directory: { ...names, active: false, deleted: true } };
    const has = { roles: ['viewer'], assignedRoles: ['viewer'] };
    expect(transition(subject(has, deleted), cause, false)).toBeNull();
    expect(transition(subject(has, { ...deleted, access: published('removed') }), cause, false)).toMatchObject({
      status: 'removed',
      assignedRoles: [],
      revoked: ['viewer'],
    });
  });
});

const published = (status: AccountStatus) => ({ status, causationId: 'req-close' });

describe('the status of an account', () => {
  const next = (current: AccountStatus, access: AccountStatus | null, active: boolean, deleted = false) =>
    nextStatus(
      subject({ status: current }, { access: access && published(access), directory: { ...names, active, deleted } }),
    );

  it('follows deactivation-worker when it ends access, whatever the directory has; a removal is final', () => {
    for (const current of ['active', 'inactive'] as const)
      for (const active of [true, false]) {
        expect(next(current, 'inactive', active)).toBe('inactive');
        expect(next(current, 'removed', active)).toBe('removed');
      }
    for (const access of ['active', 'inactive', 'removed', null] as const)
      expect(next('removed', access, true)).toBe('removed');
  });

  it('is active for active people unless the worker closed it; the directory alone neither closes an account nor opens one for an inactive person', () => {
    for (const access of ['active', null] as const) {
      expect(next('inactive', access, true)).toBe('active');
      expect(next('active', access, false)).toBe('active');
      expect(next('active', access, false, true)).toBe('active');
      expect(next('inactive', access, false)).toBe('inactive');
      expect(next('inactive', access, true, true)).toBe('inactive');
    }
  });
});

describe('the events about the end of access', () => {
  const inCase = (state: OffboardingCase['state'], sequence = 7): KnownCase => ({
    sequence,
    details: { ...sampleData['com.stackflow.offboarding.case.completed.v1'].case, state, causationId: 'req-case' },
  });
  const events = (current: Partial<Subject['current']>, more: Partial<Omit<Subject, 'current'>>) =>
    transition(subject(current, more), cause, false)?.events.map((e) => [
      e.type.split('.').slice(-2, -1).join(),
      e.causationId,
      'offboarding' in e.data ? e.data.offboarding?.state : undefined,
    ]);

  it('announce the status when the case is complete, with the case and its causation id', () => {
    const open = { roles: ['viewer'], assignedRoles: ['viewer'] };
    const closed = { status: 'inactive', assignedRoles: [] } as const;
    const access = published('inactive');
    expect(events(open, { access, offboarding: inCase('running', 6) })).toEqual([
      ['roles-changed', 'req-close', undefined],
    ]);
    expect(events(closed, { access, offboarding: inCase('running') })).toBeUndefined();
    expect(events(closed, { access, offboarding: inCase('completed') })).toEqual([
      ['deactivated', 'req-case', 'completed'],
    ]);
    // The event of the case overtook the one on identity.access: both follow at once.
    expect(events(open, { access, offboarding: inCase('completed') })).toEqual([
      ['deactivated', 'req-case', 'completed'],
      ['roles-changed', 'req-close', undefined],
    ]);
    expect(events({ ...closed, status: 'removed' }, { access, offboarding: inCase('completed') })).toEqual([
      ['removed', 'req-case', 'completed'],
    ]);
  });

  it('come once per case, not for a superseded case, and not while Cognito does not have the user', () => {
    const closed = { status: 'inactive', assignedRoles: [] } as const;
    const offboarding = inCase('completed');
    const access = published('inactive');
    expect(
      events({ ...closed, announcedCase: 7, announcedStatus: 'inactive' }, { access, offboarding }),
    ).toBeUndefined();
    expect(events({ ...closed, provisioned: false, announcedStatus: null }, { access, offboarding })).toBeUndefined();
    expect(events({ ...closed }, { access, offboarding: inCase('superseded') })).toBeUndefined();
    expect(transition(subject({ ...closed, announcedCase: 6 }, { access, offboarding }), cause, false)).toMatchObject({
      announcedCase: 7,
      announcedStatus: 'inactive',
      version: 5,
    });
  });

  it('include a reactivation only after a deactivation; access that is restored earlier shows in role changes alone', () => {
    const back = { status: 'inactive', assignedRoles: ['itsm_agent'] } as const;
    const more = { access: published('active'), derived: agent };
    expect(events({ ...back, announcedStatus: 'active' }, more)).toEqual([['roles-changed', 'req-7', undefined]]);
    expect(events({ ...back, announcedStatus: 'inactive' }, more)).toEqual([
      ['reactivated', 'req-7', undefined],
      ['roles-changed', 'req-7', undefined],
    ]);
  });

  it('include a deactivation without a case if the worker gives access back to a person who is inactive in the directory', () => {
    const more = { access: published('active'), directory: { ...names, active: false, deleted: false } };
    expect(events({ status: 'inactive', announcedStatus: 'active' }, more)).toEqual([
      ['deactivated', 'req-7', undefined],
    ]);
    expect(events({ status: 'inactive', announcedStatus: 'inactive' }, more)).toBeUndefined();
  });

  it('announce a removal at once if no access is left to take away, else with its case', () => {
    const access = published('removed');
    const gone = { status: 'inactive', assignedRoles: [] } as const;
    expect(
      events({ ...gone, announcedStatus: 'inactive', announcedCase: 7 }, { access, offboarding: inCase('completed') }),
    ).toEqual([['removed', 'req-close', undefined]]);
    expect(events({ ...gone, announcedStatus: 'inactive' }, { access, offboarding: inCase('running') })).toEqual([]);
    expect(events({ ...gone, announcedStatus: 'active' }, { access })).toEqual([]);
    expect(
      events({ ...gone, status: 'removed', announcedStatus: 'removed', announcedCase: 7 }, { access }),
    ).toBeUndefined();
  });
});

describe('the priority of a change', () => {
  const losing = { roles: ['viewer'], assignedRoles: ['viewer'] };
  it('puts reduced access first, also among thousands, and a single change before bulk', () => {
    expect(priority(subject(losing))).toBe(PRIORITY.reduced);
    expect(priority(subject(losing), true)).toBe(PRIORITY.reduced);
    expect(
      priority(subject(losing, { access: published('inactive'), derived: [{ role: 'viewer', groups: [] }] })),
    ).toBe(PRIORITY.reduced);
    expect(priority(subject({}, { derived: agent }))).toBe(PRIORITY.single);
    expect(priority(subject({}, { derived: agent }), true)).toBe(PRIORITY.bulk);
  });

  it('never decreases while an account waits', () => {
    expect(priority(subject({ dirty: true, priority: PRIORITY.reduced }, { derived: agent }))).toBe(PRIORITY.reduced);
    expect(priority(subject({ dirty: true, priority: PRIORITY.bulk }, { derived: agent }))).toBe(PRIORITY.single);
  });

  it('stays bulk when one of thousands of people who wait for their creation joins a group', () => {
    expect(priority(subject({ provisioned: false, dirty: true, priority: PRIORITY.bulk }, { derived: agent }))).toBe(
      PRIORITY.bulk,
    );
  });
});
