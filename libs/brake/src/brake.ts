/**
 * The brake's decision. When a tenant loses much access at once, what goes beyond the limit waits for an administrator:
 * a push that deactivates the whole company is a mistake more often than a decision. Pure; services count, this decides.
 */
import type { HeldBecause } from '#contracts';
import type { Brake } from '#events';

export interface BrakeCount {
  /** Accounts with access now, including the one in question. */
  readonly active: number;
  /** Accounts that already lost access within the window. */
  readonly lost: number;
  /** Whether this loss would leave nobody with the tenant's strongest role. */
  readonly lastAdmin: boolean;
}

/** How many may lose access within the window. The percentage is of those who had access when the window began. */
export const brakeLimit = (brake: Brake, { active, lost }: Pick<BrakeCount, 'active' | 'lost'>): number =>
  Math.max(brake.atLeast, Math.floor(((active + lost) * brake.percent) / 100));

/** Null = the loss may happen. */
export function brakeDecision(brake: Brake | null, count: BrakeCount): HeldBecause | null {
  if (brake === null) return null;
  if (count.lastAdmin) return 'last_admin';
  return count.lost + 1 > brakeLimit(brake, count) ? 'threshold' : null;
}

/** Decides about several losses, one after the other; each that happens counts for those that follow. */
export class BrakeTally {
  private active: number;
  private lost: number;
  private admins: number;

  /** `admins`: accounts with access and the strongest role. */
  constructor(
    private readonly brake: Brake | null,
    count: { readonly active: number; readonly lost: number; readonly admins: number },
  ) {
    ({ active: this.active, lost: this.lost, admins: this.admins } = count);
  }

  /** Null = the loss happens. `admin`: of an account with the strongest role; `again`: it is in `lost` already. */
  decide({ admin, again = false }: { readonly admin: boolean; readonly again?: boolean }): HeldBecause | null {
    const before = { active: this.active + (again ? 1 : 0), lost: this.lost - (again ? 1 : 0) };
    const because = brakeDecision(this.brake, { ...before, lastAdmin: admin && this.admins <= 1 });
    if (because !== null) return because;
    this.active = before.active - 1;
    this.lost = before.lost + 1;
    if (admin) this.admins--;
    return null;
  }

  /** An account loses access without a decision, e.g. because an administrator released it; it does not count as lost. */
  pass({ admin }: { readonly admin: boolean }): void {
    this.active--;
    if (admin) this.admins--;
  }
}
