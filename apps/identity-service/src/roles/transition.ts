/** From one state of an account to the next: what to publish, which grants open and close, how urgent it is. Pure. */
import { shortType, type NewEvent } from '#event-bus';
import type { Account, EventEnvelope } from '#events';

export type AccountStatus = Account['status'];

/** What follows from a change of a person, a group or the settings; recorded with every grant. */
export interface Cause {
  /** Event type without prefix and version, e.g. `user.joined-group`, `settings.changed`. */
  readonly type: string;
  readonly groupId: string | null;
  /** Id of the SCIM request, or `settings:<version>`. */
  readonly causationId: string;
}

export const causeOf = (event: EventEnvelope, groupId: string | null): Cause => ({
  type: shortType(event),
  groupId,
  causationId: event.causationid,
});

export interface AccountAttributes {
  readonly userName: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly givenName: string | null;
  readonly familyName: string | null;
}

export interface Subject {
  readonly id: string;
  readonly tenant: string;
  readonly current: AccountAttributes & {
    readonly status: AccountStatus;
    readonly assignedRoles: readonly string[];
    readonly roles: readonly string[];
    readonly version: number;
    readonly accessVersion: number;
    /** Cognito has the user, and `account.provisioned` was published. */
    readonly provisioned: boolean;
    readonly dirty: boolean;
    readonly priority: number;
  };
  readonly directory: AccountAttributes & { readonly active: boolean; readonly deleted: boolean };
  /** Roles by the mappings in force, strongest first, each with the groups that give it. */
  readonly derived: readonly { readonly role: string; readonly groups: readonly string[] }[];
  readonly rules: {
    readonly groupSync: boolean;
    readonly deactivateOnOffboard: boolean;
    readonly version: number | null;
  };
}

export interface Transition {
  readonly attributes: AccountAttributes;
  readonly status: AccountStatus;
  readonly assignedRoles: readonly string[];
  readonly roles: readonly string[];
  readonly version: number;
  readonly accessVersion: number;
  readonly priority: number;
  readonly granted: readonly { readonly role: string; readonly group: string | null }[];
  readonly revoked: readonly string[];
  readonly events: readonly NewEvent[];
}

const PUBLISHED = {
  userName: 'userName',
  externalId: 'externalId',
  email: 'emails',
  displayName: 'displayName',
} as const;

/** Priorities of the reconciler: access that is reduced, single changes, bulk. */
export const PRIORITY = { reduced: 0, single: 1, bulk: 2 } as const;

/** Null = the account is as it should be: nothing to write, no event. */
export function transition(subject: Subject, cause: Cause, bulk: boolean): Transition | null {
  const { current, directory, derived, rules } = subject;
  const status = nextStatus(subject);
  const assignedRoles = rules.groupSync ? derived.map((d) => d.role) : current.assignedRoles;
  const roles = status === 'active' ? assignedRoles : [];
  const { active: _active, deleted: _deleted, ...attributes } = directory;
  const changed = (Object.keys(PUBLISHED) as (keyof typeof PUBLISHED)[]).filter(
    (name) => attributes[name] !== current[name],
  );
  const namesChanged = attributes.givenName !== current.givenName || attributes.familyName !== current.familyName;
  const statusChanged = status !== current.status;
  const rolesChanged = !sameList(roles, current.roles);
  const first = current.accessVersion === 0;
  if (
    !first &&
    !statusChanged &&
    !rolesChanged &&
    changed.length === 0 &&
    !namesChanged &&
    sameList(assignedRoles, current.assignedRoles)
  )
    return null;

  const granted = roles
    .filter((role) => !current.roles.includes(role))
    .map((role) => ({ role, group: groupBehind(role, derived, cause) }));
  const revoked = current.roles.filter((role) => !roles.includes(role));
  const account: Account = {
    id: subject.id,
    ...pick(attributes),
    status,
    roles: [...roles],
    primaryRole: roles[0] ?? null,
  };
  const grantedRoles = granted.map((g) => g.role);
  const events = accountEvents(subject, account, cause, {
    // Nobody has heard of an account that Cognito does not have yet; `account.provisioned` will carry its state then.
    updated: current.provisioned && changed.length > 0 ? changed.map((name) => PUBLISHED[name]) : null,
    status: current.provisioned && statusChanged,
    roles: current.provisioned && rolesChanged ? { granted: grantedRoles, revoked } : null,
    access: first || statusChanged || rolesChanged,
  });
  return {
    attributes,
    status,
    assignedRoles,
    roles,
    version: current.version + events.filter((e) => !isAccess(e)).length,
    accessVersion: current.accessVersion + events.filter(isAccess).length,
    priority: nextPriority(current, revoked.length > 0 || (statusChanged && status !== 'active'), bulk),
    granted,
    revoked,
    events,
  };
}

/**
 * Removal is final: no event about a person revives an account that is gone. P3.
 *
 * "Deactivate on Offboard" decides whether an account that is active may stay so when its person is deprovisioned. Off,
 * it never activates anybody: who lost access before it was switched off, or never had any, gets it only when the
 * directory activates the person. On again, it applies at once to those who stayed active meanwhile.
 */
function nextStatus({ current, directory, rules }: Subject): AccountStatus {
  if (directory.deleted || current.status === 'removed') return 'removed';
  const stays = !rules.deactivateOnOffboard && current.status === 'active';
  return directory.active || stays ? 'active' : 'inactive';
}

function nextPriority(current: Subject['current'], reduced: boolean, bulk: boolean): number {
  const wanted = bulk ? PRIORITY.bulk : PRIORITY.single;
  // Nothing is in Cognito that could be reduced; and one of thousands that wait for creation keeps its place.
  if (!current.provisioned) return current.dirty ? current.priority : wanted;
  const own = reduced ? PRIORITY.reduced : wanted;
  return current.dirty ? Math.min(current.priority, own) : own;
}

/** The group that explains a grant: the one that the event is about if it gives the role, else the first that does. */
function groupBehind(role: string, derived: Subject['derived'], cause: Cause): string | null {
  const groups = derived.find((d) => d.role === role)?.groups ?? [];
  return cause.groupId !== null && groups.includes(cause.groupId) ? cause.groupId : (groups[0] ?? null);
}

interface Publish {
  readonly updated: string[] | null;
  readonly status: boolean;
  readonly roles: { granted: string[]; revoked: string[] } | null;
  readonly access: boolean;
}

/** Each event has a sequence of its own (+1 each) and carries the state after the whole transition. */
function accountEvents(subject: Subject, account: Account, cause: Cause, publish: Publish): NewEvent[] {
  const { id, tenant, current, rules } = subject;
  const common = { tenant, subject: id, causationId: cause.causationId };
  const events: NewEvent[] = [];
  const next = (): number => current.version + events.length + 1;
  if (publish.updated)
    events.push({
      ...common,
      type: 'com.stackflow.identity.account.updated.v1',
      sequence: next(),
      data: { account, changed: publish.updated },
    });
  if (publish.status)
    events.push({ ...common, type: STATUS_EVENT[account.status], sequence: next(), data: { account } });
  if (publish.roles)
    events.push({
      ...common,
      type: 'com.stackflow.identity.account.roles-changed.v1',
      sequence: next(),
      data: { account, ...publish.roles, mappingVersion: rules.version },
    });
  if (publish.access) {
    const data = { account: id, status: account.status, roles: account.roles, notBefore: null };
    events.push({ ...common, type: ACCESS, sequence: current.accessVersion + 1, data });
  }
  return events;
}

const ACCESS = 'com.stackflow.identity.access.changed.v1';
const isAccess = (event: NewEvent): boolean => event.type === ACCESS;
const STATUS_EVENT = {
  active: 'com.stackflow.identity.account.reactivated.v1',
  inactive: 'com.stackflow.identity.account.deactivated.v1',
  removed: 'com.stackflow.identity.account.removed.v1',
} as const;

const pick = ({ userName, externalId, email, displayName }: AccountAttributes) => ({
  userName,
  externalId,
  email,
  displayName,
});
const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
