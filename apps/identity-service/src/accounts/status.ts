/**
 * Derives an account's status and the event that announces it. Only deactivation-worker ends access, because its brake
 * may hold a case. A person who is deactivated in the directory keeps access and roles until deactivation-worker ends
 * the access.
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
  // Removal is final: no event about a person brings a removed account back.
  if (current.status === 'removed' || access?.status === 'removed') return 'removed';
  if (access?.status === 'inactive') return 'inactive';
  return directory.active && !directory.deleted ? 'active' : current.status;
}

export interface StatusNews {
  readonly type: Extract<EventType, `com.stackflow.identity.account.${'deactivated' | 'reactivated' | 'removed'}.v1`>;
  readonly status: AccountStatus;
  /** The completed case that the event contains. */
  readonly offboarding: KnownCase | null;
}

/**
 * Returns the event that must be published now to announce the status, or null. Nothing is published before Cognito has
 * the user, because `account.provisioned` will contain the state.
 *
 * The end of access is published once, when its case is complete. If access is restored before the case is complete,
 * only the changes of roles are published. So `account.reactivated` always follows an `account.deactivated`.
 */
export function statusNews(subject: Subject, status: AccountStatus): StatusNews | null {
  const { current, access, offboarding } = subject;
  if (!current.provisioned) return null;
  const news = (of: KnownCase | null): StatusNews => ({ type: EVENT[status], status, offboarding: of });
  if (status === 'active') return current.announcedStatus === 'active' ? null : news(null);
  if (offboarding && isNewlyCompleted(subject, offboarding)) return news(offboarding);
  // Access was restored for a person who is inactive in the directory. No case will complete, so publish without one.
  if (status === 'inactive' && access?.status === 'active' && current.announcedStatus === 'active') return news(null);
  // The account was already inactive, and this was published. Wait only for a case that is not complete yet.
  if (status === 'removed' && current.announcedStatus === 'inactive' && !isUnfinished(offboarding)) return news(null);
  return null;
}

const isNewlyCompleted = ({ current }: Subject, { sequence, details }: KnownCase): boolean =>
  details.state === 'completed' && sequence > current.announcedCase;
const isUnfinished = (offboarding: KnownCase | null): boolean =>
  offboarding !== null && (offboarding.details.state === 'held' || offboarding.details.state === 'running');

const EVENT = {
  active: 'com.stackflow.identity.account.reactivated.v1',
  inactive: 'com.stackflow.identity.account.deactivated.v1',
  removed: 'com.stackflow.identity.account.removed.v1',
} as const satisfies Record<Account['status'], EventType>;
