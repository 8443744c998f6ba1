/**
 * Decides which losses of access the brake holds. A push that deactivates a whole company is more often a mistake than
 * a decision, so losses beyond a limit wait for an administrator.
 */
import type { HeldBecause } from '#contracts';
import type { Brake } from '#events';

export interface BrakeCount {
  /** Number of accounts with access now, including the account in question. */
  readonly active: number;
  /** Number of accounts that already lost access within the window. */
  readonly lost: number;
  /** Whether this loss would leave nobody with the tenant's strongest role. */
  readonly lastAdmin: boolean;
}

/** Returns how many accounts may lose access within the window. `percent` refers to the accounts at its beginning. */
export const brakeLimit = (brake: Brake, { active, lost }: Pick<BrakeCount, 'active' | 'lost'>): number =>
  Math.max(brake.atLeast, Math.floor(((active + lost) * brake.percent) / 100));

/** Returns why the loss is held, or null if it may happen. */
export function brakeDecision(brake: Brake | null, count: BrakeCount): HeldBecause | null {
  if (brake === null) return null;
  if (count.lastAdmin) return 'last_admin';
  return count.lost + 1 > brakeLimit(brake, count) ? 'threshold' : null;
}

/** Decides about several losses, one after the other. Each loss that happens counts in later decisions. */
export class BrakeTally {
  private active: number;
  private lost: number;
  private admins: number;

  /** `admins` is the number of accounts with access and the strongest role. */
  constructor(
    private readonly brake: Brake | null,
    count: { readonly active: number; readonly lost: number; readonly admins: number },
  ) {
    ({ active: this.active, lost: this.lost, admins: this.admins } = count);
  }

  /**
   * Returns why the loss is held, or null if it happens. `admin`: the account has the strongest role. `again`: the
   * account is already counted in `lost`.
   */
  decide({ admin, again = false }: { readonly admin: boolean; readonly again?: boolean }): HeldBecause | null {
    const before = { active: this.active + (again ? 1 : 0), lost: this.lost - (again ? 1 : 0) };
    const because = brakeDecision(this.brake, { ...before, lastAdmin: admin && this.admins <= 1 });
    if (because !== null) return because;
    this.active = before.active - 1;
    this.lost = before.lost + 1;
    if (admin) this.admins--;
    return null;
  }

  /** Records a loss that needs no decision, e.g. a released one. It does not count in `lost`. */
  pass({ admin }: { readonly admin: boolean }): void {
    this.active--;
    if (admin) this.admins--;
  }
}
