/** Derives an account's next state, the events to publish, and the grants to open and close. Pure functions only. */
import type { NewEvent } from '#event-bus';
import type { Account } from '#events';
import { PROFILE, type Profile } from '../directory/profile.entity.js';
import { accountState } from './account-events.js';
import type { AccountStatus } from './account.entity.js';
import { nextStatus, statusNews, type StatusNews } from './status.js';
import { ACCESS_CLOSED, type Cause, type Subject } from './subject.js';

/** Priorities of the reconciler, highest first: reductions of access, single changes, bulk. */
export const PRIORITY = { reduced: 0, single: 1, bulk: 2 } as const;

export interface Transition {
  readonly profile: Profile;
  readonly status: AccountStatus;
  readonly assignedRoles: readonly string[];
  readonly roles: readonly string[];
  readonly version: number;
  readonly priority: number;
  readonly announcedStatus: AccountStatus | null;
  readonly announcedCase: number;
  readonly granted: readonly { readonly role: string; readonly group: string | null }[];
  readonly revoked: readonly string[];
  /** The cause that grants and revocations record. If access ends now, the end of access is the cause. */
  readonly cause: Cause;
  readonly events: readonly NewEvent[];
}

/** The attributes that `account.updated` announces, each with its name in that event. */
const PUBLISHED = {
  userName: 'userName',
  externalId: 'externalId',
  email: 'emails',
  displayName: 'displayName',
} as const;

/** Returns null if there is nothing to write or publish. `kept` contains the roles whose loss is held. */
export function transition(
  subject: Subject,
  given: Cause,
  bulk: boolean,
  kept: readonly string[] = [],
): Transition | null {
  const { current, directory, derived } = subject;
  const status = nextStatus(subject);
  const cause = endOfAccessCause(subject, status) ?? given;
  const assignedRoles = nextAssignedRoles(subject, status, kept);
  const roles = status === 'active' ? assignedRoles : [];
  const { active: _active, deleted: _deleted, ...profile } = directory;
  const changed = PROFILE.filter((name) => profile[name] !== current[name]);
  const statusChanged = status !== current.status;
  const rolesChanged = !sameList(roles, current.roles);
  const news = statusNews(subject, status);
  const assignedChanged = !sameList(assignedRoles, current.assignedRoles);
  if (!statusChanged && !rolesChanged && changed.length === 0 && !assignedChanged && !news) return null;

  const granted = roles
    .filter((role) => !current.roles.includes(role))
    .map((role) => ({ role, group: groupBehind(role, derived, cause) }));
  const revoked = current.roles.filter((role) => !roles.includes(role));
  const announced = changed.flatMap((name) => (name in PUBLISHED ? [PUBLISHED[name as keyof typeof PUBLISHED]] : []));
  // Nothing is published before Cognito has the user; `account.provisioned` will contain the state.
  const events = accountEvents(subject, accountState({ id: subject.id, ...profile, status, roles }), cause, {
    updated: current.provisioned && announced.length > 0 ? announced : null,
    news,
    roles: current.provisioned && rolesChanged ? { granted: granted.map((g) => g.role), revoked } : null,
  });
  return {
    profile,
    status,
    assignedRoles,
    roles,
    version: current.version + events.length,
    priority: nextPriority(current, revoked.length > 0 || (statusChanged && status !== 'active'), bulk),
    announcedStatus: news?.status ?? current.announcedStatus,
    announcedCase: news?.offboarding?.sequence ?? current.announcedCase,
    granted,
    revoked,
    cause,
    events,
  };
}

/**
 * Returns the end of access as the cause, or null if access does not end now. A revocation must name the end of access,
 * even if another event led to the evaluation.
 */
function endOfAccessCause({ current, access }: Subject, status: AccountStatus): Cause | null {
  if (access === null || status === 'active' || status === current.status) return null;
  return { type: ACCESS_CLOSED, groupId: null, causationId: access.causationId };
}

/**
 * Returns the roles that the groups give. A person who was deleted in the directory is in no group, but keeps the roles
 * until access ends.
 */
function nextAssignedRoles(subject: Subject, status: AccountStatus, kept: readonly string[]): readonly string[] {
  const { current, directory, derived, rules } = subject;
  if (status === 'removed') return [];
  if (!rules.groupSync || directory.deleted) return current.assignedRoles;
  const given = derived.map((d) => d.role);
  if (kept.length === 0) return given;
  // A kept role that the tenant no longer has comes last, as the weakest.
  const all = new Set([...given, ...kept]);
  return [...rules.roles.filter((role) => all.has(role)), ...kept.filter((role) => !rules.roles.includes(role))];
}

function nextPriority(current: Subject['current'], reduced: boolean, bulk: boolean): number {
  const desired = bulk ? PRIORITY.bulk : PRIORITY.single;
  // Without a user in Cognito there is no access to reduce. An account that already waits keeps its priority.
  if (!current.provisioned) return current.dirty ? current.priority : desired;
  const own = reduced ? PRIORITY.reduced : desired;
  return current.dirty ? Math.min(current.priority, own) : own;
}

/** Returns the group that gives the role: the group of the event if it does, otherwise the first one that does. */
function groupBehind(role: string, derived: Subject['derived'], cause: Cause): string | null {
  const groups = derived.find((d) => d.role === role)?.groups ?? [];
  return cause.groupId !== null && groups.includes(cause.groupId) ? cause.groupId : (groups[0] ?? null);
}

interface ToPublish {
  readonly updated: string[] | null;
  readonly news: StatusNews | null;
  readonly roles: { granted: string[]; revoked: string[] } | null;
}

/** Each event has the next sequence and contains the state after the whole transition. */
function accountEvents(
  { id, tenant, current, rules }: Subject,
  account: Account,
  cause: Cause,
  { updated, news, roles }: ToPublish,
): NewEvent[] {
  const events: NewEvent[] = [];
  const common = () => ({
    tenant,
    subject: id,
    causationId: cause.causationId,
    sequence: current.version + events.length + 1,
  });
  if (updated)
    events.push({
      ...common(),
      type: 'com.stackflow.identity.account.updated.v1',
      data: { account, changed: updated },
    });
  if (news) {
    const details = news.offboarding?.details;
    events.push({
      ...common(),
      causationId: details?.causationId ?? cause.causationId,
      type: news.type,
      data: { account, ...(details && { offboarding: details }) },
    });
  }
  if (roles)
    events.push({
      ...common(),
      type: 'com.stackflow.identity.account.roles-changed.v1',
      data: { account, ...roles, mappingVersion: rules.version },
    });
  return events;
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
