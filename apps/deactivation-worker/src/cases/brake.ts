/** Applies the tenant's brake to the cases that wait for admission, one after the other. */
import { BrakeTally } from '#brake';
import type { HeldBecause } from '#contracts';
import type { Brake } from '#events';

export interface Candidate {
  readonly id: string;
  /** Whether an administrator or the timer released the case. The brake does not hold a released case again. */
  readonly released: boolean;
  /** Whether Okta confirmed that it deactivated or suspended the person. Such a case is no mistake and never held. */
  readonly confirmed: boolean;
  /** Whether Cognito has the user. An account without a Cognito user has no access to lose. */
  readonly provisioned: boolean;
  /** The account's roles, highest precedence first. */
  readonly roles: readonly string[];
}

export interface TenantCount {
  /** Number of accounts that have access now. */
  readonly active: number;
  /** Number of losses within the brake's window that count against the brake. */
  readonly lost: number;
  readonly strongestRole: string | undefined;
  /** Number of accounts with access and the tenant's highest role. */
  readonly admins: number;
}

export interface Decisions {
  readonly admitted: readonly { readonly id: string; readonly counts: boolean }[];
  readonly held: readonly { readonly id: string; readonly because: HeldBecause }[];
}

export const isAdmin = ({ roles, provisioned }: Pick<Candidate, 'roles' | 'provisioned'>, strongest?: string) =>
  provisioned && strongest !== undefined && roles[0] === strongest;

export function applyBrake(brake: Brake | null, candidates: readonly Candidate[], count: TenantCount): Decisions {
  const tally = new BrakeTally(brake, count);
  const admitted: { id: string; counts: boolean }[] = [];
  const held: { id: string; because: HeldBecause }[] = [];
  for (const candidate of candidates) {
    const { id, provisioned } = candidate;
    const admin = isAdmin(candidate, count.strongestRole);
    const decided = candidate.released || candidate.confirmed;
    const counts = provisioned && !decided;
    const because = counts ? tally.decide({ admin }) : null;
    if (provisioned && decided) tally.pass({ admin });
    if (because === null) admitted.push({ id, counts });
    else held.push({ id, because });
  }
  return { admitted, held };
}
