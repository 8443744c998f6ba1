/** The tenant's brake for losses of roles. It counts losses, decides about them, and logs when it begins to hold. */
import { Inject, Injectable } from '@nestjs/common';
import type { Brake } from '#events';
import { LOGGER, Metrics, type Logger, type Tx } from '#platform';
import {
  decideLosses,
  losesStrongest,
  strongestRole,
  type LossCount,
  type LossDecision,
  type PendingLoss,
} from './losses.js';
import { accountsInUse, isHolding, lostWithin } from './losses.sql.js';

@Injectable()
export class LossBrake {
  private readonly held;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.held = metrics.counter('identity_role_losses_held_total', 'Losses of roles that the brake held', ['reason']);
  }

  /**
   * Decides about the losses. The caller holds the tenant's lock exclusively, or the brake's lock. An administrator
   * still counts while another transaction closes the account. This is safe, because deactivation-worker's brake also
   * counts administrators and allowed the closing.
   */
  async decide(tx: Tx, tenant: string, pending: readonly PendingLoss[]): Promise<LossDecision[]> {
    const brake = pending[0]?.subject.rules.brake;
    if (!brake) return [];
    const decisions = decideLosses(pending, brake, await this.count(tx, tenant, pending, brake));
    const held = decisions.filter((decision) => decision.because !== null);
    if (held.length > 0) this.report(tx, tenant, held, await isHolding(tx, tenant));
    return decisions;
  }

  /**
   * Counts all accounts of the tenant only if the limit is near, and its administrators only if one of them loses the
   * strongest role.
   */
  private async count(tx: Tx, tenant: string, pending: readonly PendingLoss[], brake: Brake): Promise<LossCount> {
    const ids = pending.map(({ subject }) => subject.id);
    const { lost, already } = await lostWithin(tx, tenant, ids, brake.windowMinutes);
    const accounts = lost + pending.length > brake.atLeast ? await accountsInUse(tx, tenant) : 0;
    const strongest = pending.find(losesStrongest);
    const role = strongest && strongestRole(strongest.subject);
    return { lost, already, accounts, holders: role === undefined ? 0 : await accountsInUse(tx, tenant, role) };
  }

  /** Logs one line when the brake begins to hold, and nothing while losses of the tenant are already held. */
  private report(tx: Tx, tenant: string, held: readonly LossDecision[], tripped: boolean): void {
    tx.afterCommit(() => {
      for (const { because } of held) this.held.inc({ reason: because ?? 'threshold' });
      const [first] = held;
      if (tripped || !first) return;
      const { cause, because: reason } = first;
      this.logger.warn(
        {
          tenant,
          code: 'role_brake_tripped',
          held: held.length,
          reason,
          cause: cause.type,
          causationId: cause.causationId,
        },
        'too many people of a tenant would lose roles at once, or its last administrator would; they keep the roles until an administrator releases the loss or the change is undone',
      );
    });
  }
}
