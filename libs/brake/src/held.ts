import type { Database, Logger, Queryable, Tx } from '#platform';
import { DEFAULT_BRAKE } from '#settings';
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

/** Returns when the timer releases a loss. The default hours apply to a tenant without a brake. */
export const heldUntil = (heldAt: Date, holdHours = DEFAULT_BRAKE.holdHours): Date =>
  new Date(heldAt.getTime() + holdHours * 3_600_000);

export interface HoldTimerOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly name: string;
  readonly pollMs: number;
  /** The table of held losses, with the columns `tenant` and `held_at`. */
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

/** Releases losses that are held for longer than their tenant allows, so that no loss is held for ever. */
export class HoldTimer {
  private readonly loop: Loop;
  private readonly overdueSql: string;

  constructor(private readonly options: HoldTimerOptions) {
    const { name, pollMs, logger, table, id, isHeld } = options;
    this.loop = new Loop(name, pollMs, logger, () => this.releaseOverdue());
    this.overdueSql = `
      select h.tenant, array_agg(h.${id}) as ids from ${table} h left join tenant_settings s on s.tenant_id = h.tenant
       where h.${isHeld}
         and h.held_at < clock_timestamp() - make_interval(hours => coalesce((s.settings -> 'brake' ->> 'holdHours')::int, $1))
       group by h.tenant`;
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async releaseOverdue(): Promise<boolean> {
    const { database, logger, release, log } = this.options;
    const sql = this.overdueSql;
    const overdue = await database.query<{ tenant: string; ids: string[] }>(sql, [DEFAULT_BRAKE.holdHours]);
    for (const { tenant, ids } of overdue) {
      const released = await release(tenant, ids);
      if (released > 0) logger.warn({ tenant, code: log.code, released }, log.text);
    }
    return false;
  }
}
