/** Which losses of roles happen, which are held, and which the brake has to decide about. Pure. */
import type { Brake } from '#events';
import { BrakeTally } from '#brake';
import type { HeldBecause } from '#contracts';
import { nextStatus } from '../accounts/status.js';
import type { Cause, Subject } from '../accounts/subject.js';

export interface LossDecision {
  readonly subject: Subject;
  /** Roles that stay although nothing gives them any more. */
  readonly kept: readonly string[];
  /** Why they stay; null = none does. */
  readonly because: HeldBecause | null;
  /** The cause of what happens now, or the first cause of what is held. */
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
 * The roles that an account in use loses while it stays in use. A closing takes roles too, but counts for the brake of
 * deactivation-worker. Roles of an account that Cognito does not have yet were never used.
 */
export function lossOf(subject: Subject): readonly string[] {
  const { current, derived, directory, rules } = subject;
  const inUse = current.provisioned && current.status === 'active' && nextStatus(subject) === 'active';
  if (!inUse || !rules.groupSync || directory.deleted) return [];
  return current.roles.filter((role) => !derived.some((d) => d.role === role));
}

/**
 * A held loss stays held until it is released or undone; roles that the account loses meanwhile are held with it. A
 * release allows what was held, but not what was lost afterwards.
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
  /** Accounts in use; may be 0 where `atLeast` cannot be exceeded. */
  readonly accounts: number;
  /** Accounts that lost roles within the window. */
  readonly lost: number;
  /** Accounts among `lost` that lose roles again now; they count once. */
  readonly already: ReadonlySet<string>;
  /** Accounts in use with the strongest role. */
  readonly holders: number;
}

export const strongestRole = ({ rules }: Subject): string | undefined => rules.roles[0];
export const losesStrongest = ({ subject, loss }: PendingLoss): boolean =>
  loss.some((role) => role === strongestRole(subject));

/** Decides in this order; each loss counts for the next ones. Gains of the strongest role count from the beginning. */
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
