/**
 * Lets losses of roles that were held happen: by an administrator's word, or by the timer, because a brake must not
 * become a way to keep access. Releasing marks the rows and asks for the accounts' re-evaluation in one transaction;
 * the re-evaluation applies the loss and deletes the row.
 */
import { type Database, type Logger, type Metrics, type Tx } from '#platform';
import { Loop } from '#worker';
import { DEFAULT_BRAKE } from '#settings';
import { lockTenantAlone } from './evaluation.sql.js';

/** Alone on the tenant's lock, so that no evaluation is under way that writes the same rows in another order. */
const releaseSql = `
  with released as (
    update held_role_loss set released_at = clock_timestamp(), released_by = $2
     where tenant = $1 and released_at is null and ($3::uuid[] is null or account_id = any($3))
    returning account_id, tenant, cause, cause_group, causation_id
  ), asked as (
    insert into reevaluation (tenant, user_id, group_id, cause, causation_id)
    select tenant, account_id, cause_group, cause, causation_id from released
  )
  select account_id as id from released`;

const overdueSql = `
  select h.tenant, array_agg(h.account_id) as accounts
    from held_role_loss h left join tenant_settings s on s.tenant_id = h.tenant
   where h.released_at is null
     and h.held_at < clock_timestamp() - make_interval(hours => coalesce((s.settings -> 'brake' ->> 'holdHours')::int, $1))
   group by h.tenant`;

const heldByReason = `
  select held_because as reason, count(*)::int as accounts, extract(epoch from clock_timestamp() - min(held_at))::float8 as oldest
    from held_role_loss where released_at is null group by 1`;

export const TIMER = 'timer';
const POLL_MS = 5_000;
const NAMED = 50;

export interface HeldLossesOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Told after re-evaluations were asked for. */
  readonly asked: () => void;
  readonly pollMs?: number;
}

export class HeldLosses {
  private readonly loop: Loop;

  constructor(private readonly options: HeldLossesOptions) {
    const { logger, database, metrics, pollMs } = options;
    this.loop = new Loop('role brake', pollMs ?? POLL_MS, logger, () => this.releaseOverdue());
    const oldest = metrics.gauge('identity_held_role_losses_oldest_seconds', 'Age of the oldest held loss of roles');
    metrics.gauge('identity_held_role_losses', 'Losses of roles that wait for a person', ['reason'], async (gauge) => {
      const rows = await database.query<{ reason: string; accounts: number; oldest: number }>(heldByReason);
      for (const reason of ['threshold', 'last_admin'])
        gauge.set({ reason }, rows.find((r) => r.reason === reason)?.accounts ?? 0);
      oldest.set(Math.max(0, ...rows.map((r) => r.oldest)));
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  /** `accounts` null = all of the tenant. Answers how many of them were held; repeating it releases nobody twice. */
  async release(tenant: string, accounts: readonly string[] | null, by: string): Promise<number> {
    const released = await this.options.database.tx((tx) => this.releaseIn(tx, tenant, accounts, by));
    if (released.length > 0)
      this.options.logger.info(
        { tenant, code: 'role_losses_released', by, released: released.length, accounts: released.slice(0, NAMED) },
        'held losses of roles were released',
      );
    return released.length;
  }

  private async releaseOverdue(): Promise<boolean> {
    const { database, logger } = this.options;
    const overdue = await database.query<{ tenant: string; accounts: string[] }>(overdueSql, [DEFAULT_BRAKE.holdHours]);
    for (const { tenant, accounts } of overdue) {
      const released = await database.tx((tx) => this.releaseIn(tx, tenant, accounts, TIMER));
      if (released.length > 0)
        logger.warn(
          { tenant, code: 'role_brake_timeout', released: released.length, accounts: released.slice(0, NAMED) },
          'losses of roles were held for longer than the tenant allows: they happen now',
        );
    }
    return false;
  }

  private async releaseIn(tx: Tx, tenant: string, accounts: readonly string[] | null, by: string): Promise<string[]> {
    await tx.query(lockTenantAlone, [tenant]);
    const rows = await tx.query<{ id: string }>(releaseSql, [tenant, by, accounts]);
    if (rows.length > 0) tx.afterCommit(() => this.options.asked());
    return rows.map((row) => row.id);
  }
}
