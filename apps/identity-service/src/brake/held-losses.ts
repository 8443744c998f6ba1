/**
 * Releases held losses of roles, for an administrator or when the hold time is over. A brake must not become a way to
 * keep access. A release marks the rows and requests the re-evaluation of the accounts in one transaction. The
 * re-evaluation applies the loss and deletes the row.
 */
import { Inject, Injectable } from '@nestjs/common';
import { Database, LOGGER, Metrics, type Logger, type Tx } from '#platform';
import { DEFAULT_BRAKE } from '#settings';
import { Loop } from '#worker';
import { lockTenantExclusively } from '../accounts/locks.sql.js';
import { Reevaluator } from '../accounts/reevaluator.js';

const releaseSql = `
  with released as (
    update held_role_loss set released_at = clock_timestamp(), released_by = $2
     where tenant = $1 and released_at is null and ($3::uuid[] is null or account_id = any($3))
    returning account_id, tenant, cause, cause_group, causation_id
  ), requested as (
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

const POLL_MS = 5_000;
/** Value of `released_by` for a loss whose hold time was over. */
const TIMER = 'timer';
/** Maximum number of accounts that one log line names. */
const NAMED = 50;

@Injectable()
export class HeldLosses {
  private readonly loop: Loop;

  constructor(
    private readonly database: Database,
    private readonly reevaluator: Reevaluator,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.loop = new Loop('role brake', POLL_MS, logger, () => this.releaseOverdue());
    const oldest = metrics.gauge('identity_held_role_losses_oldest_seconds', 'Age of the oldest held loss of roles');
    const help = 'Losses of roles that wait for an administrator';
    metrics.gauge('identity_held_role_losses', help, ['reason'], async (gauge) => {
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

  /**
   * Releases the losses of these accounts, or of all accounts of the tenant if `accounts` is null. Resolves with the
   * number of released losses; a repetition releases none.
   */
  async release(tenant: string, accounts: readonly string[] | null, by: string): Promise<number> {
    const released = await this.mark(tenant, accounts, by);
    if (released.length > 0)
      this.logger.info(
        { tenant, code: 'role_losses_released', by, released: released.length, accounts: released.slice(0, NAMED) },
        'an administrator released held losses of roles',
      );
    return released.length;
  }

  async releaseOverdue(): Promise<boolean> {
    const overdue = await this.database.query<{ tenant: string; accounts: string[] }>(overdueSql, [
      DEFAULT_BRAKE.holdHours,
    ]);
    for (const { tenant, accounts } of overdue) {
      const released = await this.mark(tenant, accounts, TIMER);
      if (released.length > 0)
        this.logger.warn(
          { tenant, code: 'role_brake_timeout', released: released.length, accounts: released.slice(0, NAMED) },
          'losses of roles were held for longer than the tenant allows, so they happen now',
        );
    }
    return false;
  }

  /**
   * Marks losses as released. It locks the tenant exclusively, because running evaluations write the same rows in
   * another order.
   */
  private mark(tenant: string, accounts: readonly string[] | null, by: string): Promise<string[]> {
    return this.database.tx(async (tx: Tx) => {
      await lockTenantExclusively(tx, tenant);
      const rows = await tx.query<{ id: string }>(releaseSql, [tenant, by, accounts]);
      if (rows.length > 0) tx.afterCommit(() => this.reevaluator.wake());
      return rows.map((row) => row.id);
    });
  }
}
