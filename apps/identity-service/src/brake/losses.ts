/** Decides which losses of roles happen, which are held, and which the brake must decide about. Pure functions only. */
import type { Brake } from '#events';
import { BrakeTally } from '#brake';
import type { HeldBecause } from '#contracts';
import { nextStatus } from '../accounts/status.js';
import type { Cause, Subject } from '../accounts/subject.js';

export interface LossDecision {
  readonly subject: Subject;
  /** Roles that the account keeps although no group gives them any more. */
  readonly kept: readonly string[];
  /** Why the account keeps these roles; null means that it keeps none. */
  readonly because: HeldBecause | null;
  /** The cause to record. For a loss that was held, it is the cause that was stored with the held loss. */
  readonly cause: Cause;
}

/** A loss of roles that the brake has not decided about yet. */
export interface PendingLoss {
  readonly subject: Subject;
  readonly loss: readonly string[];
  readonly cause: Cause;
}

export const isPending = (one: LossDecision | PendingLoss): one is PendingLoss => 'loss' in one;

/**
 * Returns the roles that an active account loses while it stays active. Roles that end together with the access are not
 * included, because they count against deactivation-worker's brake. Before Cognito has the user, no loss counts,
 * because nobody used the roles.
 */
export function lossOf(subject: Subject): readonly string[] {
  const { current, derived, directory, rules } = subject;
  const inUse = current.provisioned && current.status === 'active' && nextStatus(subject) === 'active';
  if (!inUse || !rules.groupSync || directory.deleted) return [];
  return current.roles.filter((role) => !derived.some((d) => d.role === role));
}

/**
 * Decides about a loss of roles. If the brake must decide, returns a `PendingLoss` instead. While the brake holds a
 * loss of an account, the account also keeps all further roles that it would lose. A release ends only the roles whose
 * loss was held at the time of the release.
 */
export function classify(subject: Subject, cause: Cause): LossDecision | PendingLoss {
  const { held, rules } = subject;
  const loss = lossOf(subject);
  if (loss.length === 0) return { subject, kept: [], because: null, cause };
  if (rules.brake === null) return { subject, kept: [], because: null, cause: held?.cause ?? cause };
  if (held === null) return { subject, loss, cause };
  if (!held.released) return { subject, kept: loss, because: held.because, cause: held.cause };
  const more = loss.filter((role) => !held.wouldLose.includes(role));
  return more.length > 0 ? { subject, loss: more, cause } : { subject, kept: [], because: null, cause: held.cause };
}

export interface LossCount {
  /** Number of active accounts, or 0 (not counted) if the losses cannot exceed `atLeast`. */
  readonly accounts: number;
  /** Number of accounts that lost roles within the window. */
  readonly lost: number;
  /** Accounts that lose roles now and are already counted in `lost`. They do not count twice. */
  readonly already: ReadonlySet<string>;
  /** Number of active accounts that have the strongest role. */
  readonly holders: number;
}

export const strongestRole = ({ rules }: Subject): string | undefined => rules.roles[0];
export const losesStrongest = ({ subject, loss }: PendingLoss): boolean =>
  loss.some((role) => role === strongestRole(subject));

/**
 * Each loss that happens counts in later decisions. If an account gains the strongest role in this evaluation, every
 * decision counts it among the holders of this role.
 */
export function decideLosses(pending: readonly PendingLoss[], brake: Brake, count: LossCount): LossDecision[] {
  const { accounts, lost, already } = count;
  const admins = count.holders + pending.filter(({ subject }) => gainsStrongest(subject)).length;
  const tally = new BrakeTally(brake, { active: accounts - lost, lost, admins });
  return pending.map((one) => {
    const { subject, loss, cause } = one;
    const because = tally.decide({ admin: losesStrongest(one), again: already.has(subject.id) });
    return { subject, kept: because === null ? [] : loss, because, cause };
  });
}

function gainsStrongest(subject: Subject): boolean {
  const role = strongestRole(subject);
  return !subject.current.roles.some((r) => r === role) && subject.derived.some((d) => d.role === role);
}
