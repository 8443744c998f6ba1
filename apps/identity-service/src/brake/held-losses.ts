/**
 * Releases held losses of roles, for an administrator or for the timer. One transaction marks the rows and requests a
 * re-evaluation, which applies the losses and deletes the rows.
 */
import { Inject, Injectable } from '@nestjs/common';
import { HoldTimer, TIMER } from '#brake';
import { HELD_REASONS } from '#contracts';
import { Database, LOGGER, Metrics, sharedRead, type Logger } from '#platform';
import { lockTenantExclusively } from '../accounts/locks.sql.js';
import { Reevaluator } from '../accounts/reevaluator.js';
import { heldByReason, release } from './losses.sql.js';

const TIMER_MS = 5_000;
const MAX_LOGGED_ACCOUNTS = 50;

@Injectable()
export class HeldLosses {
  private readonly timer: HoldTimer;

  constructor(
    private readonly database: Database,
    private readonly reevaluator: Reevaluator,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.timer = new HoldTimer({
      database,
      logger,
      name: 'role brake',
      pollMs: TIMER_MS,
      table: 'held_role_loss',
      id: 'account_id',
      isHeld: 'released_at is null',
      release: (tenant, accounts) => this.release(tenant, accounts, TIMER),
      log: {
        code: 'role_brake_timeout',
        text: 'Nobody decided about held losses of roles in time. They are released: these people now lose the roles.',
      },
    });
    const readHeld = sharedRead(async () => {
      const rows = await database.query<{ reason: string; accounts: number; oldest: number }>(heldByReason);
      for (const reason of HELD_REASONS) held.set({ reason }, rows.find((row) => row.reason === reason)?.accounts ?? 0);
      oldest.set(Math.max(0, ...rows.map((row) => row.oldest)));
    });
    const heldHelp = 'Losses of roles that wait for an administrator';
    const held = metrics.gauge('identity_held_role_losses', heldHelp, ['reason'], readHeld);
    const oldestHelp = 'Age of the oldest held loss of roles';
    const oldest = metrics.gauge('identity_held_role_losses_oldest_seconds', oldestHelp, [], readHeld);
  }

  onApplicationBootstrap(): void {
    this.timer.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.timer.stop();
  }

  /** Releases the losses of these accounts; null means all accounts. Resolves with the number of released losses. */
  async release(tenant: string, accounts: readonly string[] | null, by: string): Promise<number> {
    const rows = await this.database.tx(async (tx) => {
      // Evaluations lock the same rows in another order. To prevent a deadlock, wait until no evaluation is running.
      await lockTenantExclusively(tx, tenant);
      return tx.query<{ id: string }>(release, [tenant, by, accounts]);
    });
    if (rows.length === 0) return 0;
    this.reevaluator.wake();
    const named = rows.slice(0, MAX_LOGGED_ACCOUNTS).map((row) => row.id);
    this.logger.info(
      { tenant, code: 'role_losses_released', by, released: rows.length, accounts: named },
      'held losses of roles were released; a re-evaluation now applies them',
    );
    return rows.length;
  }
}
