import type { HeldBecause } from '#contracts';
import type { Database, Logger, Queryable, Tx } from '#platform';
import { DEFAULT_BRAKE, type BrakeInForce } from '#settings';
import { Loop } from '#worker';

/** The key of the lock differs per tenant and per service, because each service has its own schema. */
const LOCK = `hashtextextended(current_schema() || '-brake:' || $1::text, 0)`;

/**
 * Locks the tenant's brake until commit. Take this lock before counting: two transactions could otherwise count the
 * same people and each allow one loss too many. Count in a later statement, so that its snapshot contains all earlier
 * decisions.
 */
export async function lockBrake(tx: Tx, tenant: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(${LOCK})`, [tenant]);
}

/** Like {@link lockBrake}, but does not wait. Resolves with false if another transaction holds the lock. */
export async function tryLockBrake(queryable: Queryable, tenant: string): Promise<boolean> {
  const [lock] = await queryable.query<{ free: boolean }>(`select pg_try_advisory_xact_lock(${LOCK}) as free`, [
    tenant,
  ]);
  return lock?.free ?? false;
}

/** The value of `released_by` if the timer, and not an administrator, releases a loss. */
export const TIMER = 'timer';

/** The value of `released_by` if Okta confirmed that the person is deactivated or suspended. */
export const BY_OKTA = 'okta';

/**
 * Returns how long a loss is held. The hold of the last administrator is short: a tenant without an administrator can
 * get one from Okta, but a dismissed administrator must not stay one for a day.
 */
export const holdMinutes = (because: HeldBecause, brake: BrakeInForce | null): number => {
  const { holdHours, lastAdminHoldMinutes } = brake ?? DEFAULT_BRAKE;
  return because === 'last_admin' ? lastAdminHoldMinutes : holdHours * 60;
};

export interface HoldTimerOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly name: string;
  readonly pollMs: number;
  /** The table of held losses, with the columns `tenant` and `held_until`. */
  readonly table: string;
  /** Column whose values {@link release} receives. */
  readonly id: string;
  /** SQL condition for a row that is held. */
  readonly isHeld: string;
  /** Releases these rows and resolves with the number of released rows. */
  readonly release: (tenant: string, ids: readonly string[]) => Promise<number>;
  /** Code and text of the warning after a release. */
  readonly log: { readonly code: string; readonly text: string };
}

/** Releases losses whose hold has ended, so that no loss is held for ever. */
export class HoldTimer {
  private readonly loop: Loop;
  private readonly overdueSql: string;

  constructor(private readonly options: HoldTimerOptions) {
    const { name, pollMs, logger, table, id, isHeld } = options;
    this.loop = new Loop(name, pollMs, logger, () => this.releaseOverdue());
    this.overdueSql = `
      select tenant, array_agg(${id}) as ids from ${table} where ${isHeld} and held_until < clock_timestamp() group by tenant`;
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async releaseOverdue(): Promise<boolean> {
    const { database, logger, release, log } = this.options;
    const overdue = await database.query<{ tenant: string; ids: string[] }>(this.overdueSql);
    for (const { tenant, ids } of overdue) {
      const released = await release(tenant, ids);
      if (released > 0) logger.warn({ tenant, code: log.code, released }, log.text);
    }
    return false;
  }
}
