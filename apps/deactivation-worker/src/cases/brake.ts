/** Which of the closings that wait go through now: the brake, applied to one after the other. Pure. */
import type { Brake } from '#events';
import { brakeDecision, type HeldBecause } from '#settings';

export interface Candidate {
  readonly id: string;
  /** A person, or the timer, let it through: the brake has had its say. */
  readonly released: boolean;
  /** Cognito has the account; nobody else has access that could be lost. */
  readonly provisioned: boolean;
  /** Strongest first. */
  readonly roles: readonly string[];
}

export interface Standing {
  /** Accounts with access now. */
  readonly active: number;
  /** Closings that counted within the window. */
  readonly lost: number;
  readonly strongestRole: string | undefined;
  /** Accounts with access and the strongest role. */
  readonly admins: number;
}

export interface Verdicts {
  readonly admitted: readonly { readonly id: string; readonly counts: boolean }[];
  readonly held: readonly { readonly id: string; readonly because: HeldBecause }[];
}

export const isAdmin = ({ roles, provisioned }: Pick<Candidate, 'roles' | 'provisioned'>, strongest?: string) =>
  provisioned && strongest !== undefined && roles[0] === strongest;

export function applyBrake(brake: Brake | null, candidates: readonly Candidate[], standing: Standing): Verdicts {
  let { active, lost, admins } = standing;
  const admitted: { id: string; counts: boolean }[] = [];
  const held: { id: string; because: HeldBecause }[] = [];
  for (const candidate of candidates) {
    const admin = isAdmin(candidate, standing.strongestRole);
    const counts = candidate.provisioned && !candidate.released;
    const because = counts ? brakeDecision(brake, { active, lost, lastAdmin: admin && admins <= 1 }) : null;
    if (because) {
      held.push({ id: candidate.id, because });
      continue;
    }
    admitted.push({ id: candidate.id, counts });
    if (candidate.provisioned) active--;
    if (counts) lost++;
    if (admin) admins--;
  }
  return { admitted, held };
}
