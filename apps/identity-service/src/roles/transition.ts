/** From one state of an account to the next: what to publish, which grants open and close, how urgent it is. Pure. */
import { shortType, type NewEvent } from '#event-bus';
import type { Account, Brake, EventEnvelope } from '#events';
import type { HeldLoss } from './losses.js';
import { nextStatus, statusNews, type Closing, type StatusNews, type WorkersWord } from './status.js';

export type AccountStatus = Account['status'];

/** What follows from a change of a person, a group or the settings; recorded with every grant. */
export interface Cause {
  /** Event type without prefix and version, e.g. `user.joined-group`, `settings.changed`. */
  readonly type: string;
  readonly groupId: string | null;
  /** Id of the SCIM request, or `settings:<version>`. */
  readonly causationId: string;
}

/** Of revocations that follow from the worker's closing; why it closed stands in its case. */
export const CLOSED = 'access.closed';

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
    /** Cognito has the user, and `account.provisioned` was published. */
    readonly provisioned: boolean;
    readonly dirty: boolean;
    readonly priority: number;
    /** The status that others heard of last; null = none. */
    readonly toldStatus: AccountStatus | null;
    /** Sequence of the last completed case that others heard of. */
    readonly toldCase: number;
  };
  readonly directory: AccountAttributes & { readonly active: boolean; readonly deleted: boolean };
  /** Null = the worker has said nothing yet. */
  readonly access: WorkersWord | null;
  /** The case behind the worker's closing, as far as it was heard of. */
  readonly closing: Closing | null;
  /** Roles by the mappings in force, strongest first, each with the groups that give it. */
  readonly derived: readonly { readonly role: string; readonly groups: readonly string[] }[];
  /** A loss of roles that the brake holds, or held until it was released. */
  readonly held: HeldLoss | null;
  readonly rules: {
    readonly groupSync: boolean;
    readonly version: number | null;
    /** All roles of the tenant, strongest first. */
    readonly roles: readonly string[];
    readonly brake: Brake | null;
  };
}

export interface Transition {
  readonly attributes: AccountAttributes;
  readonly status: AccountStatus;
  readonly assignedRoles: readonly string[];
  readonly roles: readonly string[];
  readonly version: number;
  readonly priority: number;
  readonly toldStatus: AccountStatus | null;
  readonly toldCase: number;
  readonly granted: readonly { readonly role: string; readonly group: string | null }[];
  readonly revoked: readonly string[];
  /** Of the grants and revocations: the worker's word if it closed the account, whatever event led here. */
  readonly cause: Cause;
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

/** Null = the account is as it should be: nothing to write, no event. `kept` = roles whose loss is held. */
export function transition(
  subject: Subject,
  given: Cause,
  bulk: boolean,
  kept: readonly string[] = [],
): Transition | null {
  const { current, directory, derived } = subject;
  const status = nextStatus(subject);
  const cause = closingCause(subject, status) ?? given;
  const assignedRoles = nextAssignedRoles(subject, status, kept);
  const roles = status === 'active' ? assignedRoles : [];
  const { active: _active, deleted: _deleted, ...attributes } = directory;
  const changed = (Object.keys(PUBLISHED) as (keyof typeof PUBLISHED)[]).filter(
    (name) => attributes[name] !== current[name],
  );
  const namesChanged = attributes.givenName !== current.givenName || attributes.familyName !== current.familyName;
  const statusChanged = status !== current.status;
  const rolesChanged = !sameList(roles, current.roles);
  const news = statusNews(subject, status);
  const attributesChanged = changed.length > 0 || namesChanged;
  const assignedChanged = !sameList(assignedRoles, current.assignedRoles);
  if (!statusChanged && !rolesChanged && !attributesChanged && !assignedChanged && !news) return null;

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
  // Nobody has heard of an account that Cognito does not have yet; `account.provisioned` will carry its state then.
  const events = accountEvents(subject, account, cause, {
    updated: current.provisioned && changed.length > 0 ? changed.map((name) => PUBLISHED[name]) : null,
    news,
    roles: current.provisioned && rolesChanged ? { granted: granted.map((g) => g.role), revoked } : null,
  });
  return {
    attributes,
    status,
    assignedRoles,
    roles,
    version: current.version + events.length,
    priority: nextPriority(current, revoked.length > 0 || (statusChanged && status !== 'active'), bulk),
    toldStatus: news?.toldStatus ?? current.toldStatus,
    toldCase: news?.closing?.sequence ?? current.toldCase,
    granted,
    revoked,
    cause,
    events,
  };
}

/** Several events may be behind one evaluation; a revocation by a closing is never put down to another of them. */
function closingCause({ current, access }: Subject, status: AccountStatus): Cause | null {
  if (access === null || status === 'active' || status === current.status) return null;
  return { type: CLOSED, groupId: null, causationId: access.causationId };
}

/** A person whom the directory has deleted is in no group any more, but keeps the roles until the worker closes. */
function nextAssignedRoles(subject: Subject, status: AccountStatus, kept: readonly string[]): readonly string[] {
  const { current, directory, derived, rules } = subject;
  if (status === 'removed') return [];
  if (!rules.groupSync || directory.deleted) return current.assignedRoles;
  const given = derived.map((d) => d.role);
  if (kept.length === 0) return given;
  // A kept role that the tenant does not have any more is the weakest.
  const all = new Set([...given, ...kept]);
  return [...rules.roles.filter((role) => all.has(role)), ...kept.filter((role) => !rules.roles.includes(role))];
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
  readonly news: StatusNews | null;
  readonly roles: { granted: string[]; revoked: string[] } | null;
}

/** Each event has a sequence of its own (+1 each) and carries the state after the whole transition. */
function accountEvents(
  subject: Subject,
  account: Account,
  cause: Cause,
  { updated, news, roles }: Publish,
): NewEvent[] {
  const { id, tenant, current, rules } = subject;
  const common = { tenant, subject: id, causationId: cause.causationId };
  const events: NewEvent[] = [];
  const next = (): number => current.version + events.length + 1;
  if (updated)
    events.push({
      ...common,
      type: 'com.stackflow.identity.account.updated.v1',
      sequence: next(),
      data: { account, changed: updated },
    });
  if (news) {
    const details = news.closing?.details;
    events.push({
      ...common,
      causationId: details?.causationId ?? cause.causationId,
      type: news.type,
      sequence: next(),
      data: { account, ...(details && { offboarding: details }) },
    });
  }
  if (roles)
    events.push({
      ...common,
      type: 'com.stackflow.identity.account.roles-changed.v1',
      sequence: next(),
      data: { account, ...roles, mappingVersion: rules.version },
    });
  return events;
}

const pick = ({ userName, externalId, email, displayName }: AccountAttributes) => ({
  userName,
  externalId,
  email,
  displayName,
});
const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
