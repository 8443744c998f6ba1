/**
 * Whether an account is open, and what is to be told of it. deactivation-worker alone closes: an account whose person
 * the directory has deactivated stays active, with its roles, until the worker says so (it may be holding the case).
 * Pure.
 */
import type { Account, EventType, OffboardingCase } from '#events';
import type { AccountStatus, Subject } from './transition.js';

/** What the worker said last. */
export interface WorkersWord {
  readonly status: AccountStatus;
  /** Of the closing, or of what undid it. */
  readonly causationId: string;
}

/**
 * The worker's case behind its word. `identity.access` and `offboarding.cases` overtake each other, so which case a
 * closing belongs to is told by the causation id that both carry, not by what happens to be the latest of each.
 */
export interface Closing {
  readonly sequence: number;
  readonly details: OffboardingCase;
}

export function nextStatus({ current, directory, access }: Pick<Subject, 'current' | 'directory' | 'access'>) {
  // Removal is final: no event about a person revives an account that is gone. P3.
  if (current.status === 'removed' || access?.status === 'removed') return 'removed';
  if (access?.status === 'inactive') return 'inactive';
  return directory.active && !directory.deleted ? 'active' : current.status;
}

export interface StatusNews {
  readonly type: Extract<EventType, `com.stackflow.identity.account.${'deactivated' | 'reactivated' | 'removed'}.v1`>;
  readonly toldStatus: AccountStatus;
  /** The completed case that is told with it. */
  readonly closing: Closing | null;
}

/**
 * Nobody has heard of an account that Cognito does not have yet; `account.provisioned` carries its state then.
 *
 * A closing is told when its case is complete, once per case, with the case: `roles-changed` has told at once that the
 * roles are gone. So a closing that was turned round before it was complete (case superseded) is told by its role
 * changes alone, and `account.reactivated` always answers an `account.deactivated`.
 */
export function statusNews(subject: Subject, status: AccountStatus): StatusNews | null {
  const { current, access, closing } = subject;
  if (!current.provisioned) return null;
  if (status === 'active')
    return current.toldStatus === 'active' ? null : { type: EVENT.active, toldStatus: status, closing: null };
  if (closing && isUntold(subject, closing)) return { type: EVENT[status], toldStatus: status, closing };
  // Opened by the worker (a suspension ended) while the directory has the person inactive: no case will ever complete.
  if (status === 'inactive' && access?.status === 'active' && current.toldStatus === 'active')
    return { type: EVENT.inactive, toldStatus: status, closing: null };
  // Who was closed already has nothing left to take away: there will be no case, so nothing to wait for.
  if (status === 'removed' && current.toldStatus === 'inactive' && !isUnfinished(closing))
    return { type: EVENT.removed, toldStatus: status, closing: null };
  return null;
}

const isUntold = ({ current }: Subject, { sequence, details }: Closing): boolean =>
  details.state === 'completed' && sequence > current.toldCase;
const isUnfinished = (closing: Closing | null): boolean =>
  closing !== null && (closing.details.state === 'held' || closing.details.state === 'running');

const EVENT = {
  active: 'com.stackflow.identity.account.reactivated.v1',
  inactive: 'com.stackflow.identity.account.deactivated.v1',
  removed: 'com.stackflow.identity.account.removed.v1',
} as const satisfies Record<Account['status'], EventType>;
