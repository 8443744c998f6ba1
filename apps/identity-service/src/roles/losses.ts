/** Which losses of roles happen, which wait for a person, which have to be decided by the tenant's brake. Pure. */
import type { Brake } from '#events';
import { brakeDecision, type HeldBecause } from '#brake';
import { nextStatus } from './status.js';
import type { Cause, Subject } from './transition.js';

/** A loss that waits, or waited until it was released. */
export interface HeldLoss {
  readonly wouldLose: readonly string[];
  readonly because: HeldBecause;
  readonly cause: Cause;
  readonly released: boolean;
}

export interface Verdict {
  readonly subject: Subject;
  /** Roles that stay although nothing gives them any more. */
  readonly kept: readonly string[];
  /** Why they stay, null = none does. */
  readonly because: HeldBecause | null;
  /** Of what happens now; of what waits, the first cause. */
  readonly cause: Cause;
}

/** A subject that loses roles nobody has decided about. */
export interface Asking {
  readonly subject: Subject;
  readonly loss: readonly string[];
  readonly cause: Cause;
}

/**
 * The roles that an account in use loses while it stays in use. Who is closed loses them to the worker, whose brake is
 * another; and of an account that Cognito does not have yet nobody has used a role.
 */
export function lossOf(subject: Subject): readonly string[] {
  const { current, derived, directory, rules } = subject;
  const inUse = current.provisioned && current.status === 'active' && nextStatus(subject) === 'active';
  if (!inUse || !rules.groupSync || directory.deleted) return [];
  return current.roles.filter((role) => !derived.some((d) => d.role === role));
}

/**
 * What is held stays held, with whatever else the account loses meanwhile, until it is released or nothing is lost any
 * more. A release lets go of what was held, not of what came on top of it afterwards.
 */
export function judge(subject: Subject, cause: Cause): Verdict | Asking {
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
  /** Accounts in use; may be 0 where `atLeast` cannot be passed. */
  readonly accounts: number;
  /** Accounts that lost roles within the window. */
  readonly lost: number;
  /** Those of them that lose again now: an account counts once. */
  readonly already: ReadonlySet<string>;
  /** Accounts in use with the strongest role. */
  readonly holders: number;
}

export const strongestRole = ({ rules }: Subject): string | undefined => rules.roles[0];
export const losesStrongest = ({ subject, loss }: Asking): boolean => loss.some((r) => r === strongestRole(subject));

/** One after the other, each counting those before it. Who gains the strongest role in the same change counts first. */
export function decideLosses(asking: readonly Asking[], brake: Brake, count: LossCount): Verdict[] {
  let { lost } = count;
  let holders = count.holders + asking.filter(({ subject }) => gainsStrongest(subject)).length;
  return asking.map((one) => {
    const { subject, loss, cause } = one;
    const others = count.already.has(subject.id) ? lost - 1 : lost;
    const lastAdmin = losesStrongest(one) && holders <= 1;
    const because = brakeDecision(brake, { active: count.accounts - others, lost: others, lastAdmin });
    if (because === null) {
      lost = others + 1;
      if (losesStrongest(one)) holders--;
    }
    return { subject, kept: because === null ? [] : loss, because, cause };
  });
}

function gainsStrongest(subject: Subject): boolean {
  const role = strongestRole(subject);
  return !subject.current.roles.some((r) => r === role) && subject.derived.some((d) => d.role === role);
}
