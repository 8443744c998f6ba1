/**
 * The brake: when a tenant loses much access at once, the surplus waits for a person. A push that deactivates the whole
 * company is a mistake more often than a decision. Pure; services count, this decides.
 */
import type { Brake } from '#events';

export interface BrakeCount {
  /** Accounts with access now, the one in question among them. */
  readonly active: number;
  /** Accounts that lost access within the window already. */
  readonly lost: number;
  /** Whether this loss would leave nobody with the tenant's strongest role. */
  readonly lastAdmin: boolean;
}

export type HeldBecause = 'threshold' | 'last_admin';

/** How many may lose access within the window: the percentage is of those who had it when the window began. */
export const brakeLimit = (brake: Brake, { active, lost }: Pick<BrakeCount, 'active' | 'lost'>): number =>
  Math.max(brake.atLeast, Math.floor(((active + lost) * brake.percent) / 100));

/** Null = let it happen. */
export function brakeDecision(brake: Brake | null, count: BrakeCount): HeldBecause | null {
  if (brake === null) return null;
  if (count.lastAdmin) return 'last_admin';
  return count.lost + 1 > brakeLimit(brake, count) ? 'threshold' : null;
}
