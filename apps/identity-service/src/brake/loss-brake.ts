import { Inject, Injectable } from '@nestjs/common';
import { holdMinutes } from '#brake';
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
import { accountsInUse, anyHeld, endHolds, hold, lostWithin } from './losses.sql.js';

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
   * The caller holds the tenant's lock exclusively, or the brake's lock. If another transaction is ending an
   * administrator's access, this administrator still counts here. deactivation-worker's brake has already decided about
   * the end of that access.
   */
  async decide(tx: Tx, tenant: string, pending: readonly PendingLoss[]): Promise<LossDecision[]> {
    const brake = pending[0]?.subject.rules.brake;
    if (!brake) return [];
    const decisions = decideLosses(pending, brake, await this.count(tx, tenant, pending, brake));
    const held = decisions.filter((decision) => decision.because !== null);
    if (held.length > 0) this.report(tx, tenant, held, (await tx.query(anyHeld, [tenant])).length > 0);
    return decisions;
  }

  /** Stores newly held losses and deletes those that are no longer held. */
  async record(tx: Tx, tenant: string, decisions: readonly LossDecision[]): Promise<void> {
    const ended = decisions.filter(({ subject, because }) => because === null && subject.held !== null);
    if (ended.length > 0) await tx.query(endHolds, [ended.map(({ subject }) => subject.id)]);
    const changed = decisions.filter(({ subject: { held }, because, kept }) => {
      return because !== null && (!held || held.released || held.wouldLose.join() !== kept.join());
    });
    if (changed.length === 0) return;
    const rows = changed.map(({ subject: { id, rules }, kept, because, cause }) => {
      const minutes = holdMinutes(because ?? 'threshold', rules.brake);
      return { id, kept, because, minutes, cause };
    });
    await tx.query(hold, [tenant, JSON.stringify(rows)]);
  }

  /** Counts only what the decisions need. */
  private async count(tx: Tx, tenant: string, pending: readonly PendingLoss[], brake: Brake): Promise<LossCount> {
    const ids = pending.map(({ subject }) => subject.id);
    const [row] = await tx.query<{ lost: number; already: string[] }>(lostWithin, [tenant, ids, brake.windowMinutes]);
    const lost = row?.lost ?? 0;
    const inUse = async (role: string | null) =>
      (await tx.query<{ accounts: number }>(accountsInUse, [tenant, role]))[0]?.accounts ?? 0;
    const accounts = lost + pending.length > brake.atLeast ? await inUse(null) : 0;
    const strongest = pending.find(losesStrongest);
    const role = strongest && strongestRole(strongest.subject);
    return { lost, already: new Set(row?.already), accounts, holders: role === undefined ? 0 : await inUse(role) };
  }

  /** Logs one line when the brake begins to hold, and nothing while losses of the tenant are already held. */
  private report(tx: Tx, tenant: string, held: readonly LossDecision[], tripped: boolean): void {
    tx.afterCommit(() => {
      for (const { because } of held) this.held.inc({ reason: because ?? 'threshold' });
      const [first] = held;
      if (tripped || !first) return;
      const { cause, because: reason } = first;
      const { type, causationId } = cause;
      this.logger.warn(
        { tenant, code: 'role_brake_tripped', held: held.length, reason, cause: type, causationId },
        'losses of roles are held, because too many people would lose roles at once, or because no administrator would be left; release the losses or undo the change',
      );
    });
  }
}
