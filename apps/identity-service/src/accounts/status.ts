/**
 * Derives the status of an account, and the event that announces the status. Pure functions only. Only
 * deactivation-worker closes accounts, because its brake may hold a case. A person who is deactivated in the directory
 * keeps access and roles until deactivation-worker closes the account.
 */
import type { Account, EventType } from '#events';
import type { AccountStatus } from './account.entity.js';
import type { KnownCase, Subject } from './subject.js';

export function nextStatus({
  current,
  directory,
  access,
}: Pick<Subject, 'access'> & {
  readonly current: Pick<Subject['current'], 'status'>;
  readonly directory: Pick<Subject['directory'], 'active' | 'deleted'>;
}): AccountStatus {
  // Removal is final: no event about a person brings a removed account back (P3).
  if (current.status === 'removed' || access?.status === 'removed') return 'removed';
  if (access?.status === 'inactive') return 'inactive';
  return directory.active && !directory.deleted ? 'active' : current.status;
}

export interface StatusNews {
  readonly type: Extract<EventType, `com.stackflow.identity.account.${'deactivated' | 'reactivated' | 'removed'}.v1`>;
  readonly status: AccountStatus;
  /** The completed case that the event contains. */
  readonly closing: KnownCase | null;
}

/**
 * Returns the event about the status that must be published now, or null if there is none. Nothing is published about
 * an account that Cognito does not have yet, because `account.provisioned` will contain its state.
 *
 * A closing is published once, when its case is complete. Before that, `roles-changed` has announced the loss of the
 * roles. If the closing is undone earlier (its case is superseded), only the changes of roles are published. So
 * `account.reactivated` always follows an `account.deactivated`.
 */
export function statusNews(subject: Subject, status: AccountStatus): StatusNews | null {
  const { current, access, closing } = subject;
  if (!current.provisioned) return null;
  const news = (of: KnownCase | null): StatusNews => ({ type: EVENT[status], status, closing: of });
  if (status === 'active') return current.announcedStatus === 'active' ? null : news(null);
  if (closing && isNewlyCompleted(subject, closing)) return news(closing);
  // deactivation-worker gave access back while the person is inactive in the directory. No case will ever complete, so
  // the status is published without a case.
  if (status === 'inactive' && access?.status === 'active' && current.announcedStatus === 'active') return news(null);
  // The closing of the account was already published. The removal ends no access, so there is no case to wait for.
  if (status === 'removed' && current.announcedStatus === 'inactive' && !isUnfinished(closing)) return news(null);
  return null;
}

const isNewlyCompleted = ({ current }: Subject, { sequence, details }: KnownCase): boolean =>
  details.state === 'completed' && sequence > current.announcedCase;
const isUnfinished = (closing: KnownCase | null): boolean =>
  closing !== null && (closing.details.state === 'held' || closing.details.state === 'running');

const EVENT = {
  active: 'com.stackflow.identity.account.reactivated.v1',
  inactive: 'com.stackflow.identity.account.deactivated.v1',
  removed: 'com.stackflow.identity.account.removed.v1',
} as const satisfies Record<Account['status'], EventType>;
