/** Applies the tenant's brake to the cases that wait for admission, one after the other. Pure. */
import { BrakeTally } from '#brake';
import type { HeldBecause } from '#contracts';
import type { Brake } from '#events';

export interface Candidate {
  readonly id: string;
  /** An administrator or the timer released it: the brake has already decided. */
  readonly released: boolean;
  /** Only an account that Cognito has can lose access. */
  readonly provisioned: boolean;
  /** Strongest first. */
  readonly roles: readonly string[];
}

export interface TenantCount {
  /** Accounts with access now. */
  readonly active: number;
  /** Losses that counted within the window. */
  readonly lost: number;
  readonly strongestRole: string | undefined;
  /** Accounts with access and the strongest role. */
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
    const { id, provisioned, released } = candidate;
    const admin = isAdmin(candidate, count.strongestRole);
    const counts = provisioned && !released;
    const because = counts ? tally.decide({ admin }) : null;
    if (provisioned && released) tally.pass({ admin });
    if (because === null) admitted.push({ id, counts });
    else held.push({ id, because });
  }
  return { admitted, held };
}
