/** The tenant's brake for losses of roles: counts, decides, and says when it trips. */
import type { Brake } from '#events';
import type { Logger, Metrics, Tx } from '#platform';
import { decideLosses, losesStrongest, strongestRole, type Asking, type LossCount, type Verdict } from './losses.js';
import { accountsInUse, holdersInUse, isHolding, lostWithin } from './losses.sql.js';

export class LossBrake {
  private readonly held;

  constructor(
    private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.held = metrics.counter('identity_role_losses_held_total', 'Losses of roles that the brake held', ['reason']);
  }

  /**
   * The caller holds the tenant's lock alone, or the brake's. An administrator of the tenant who is being closed in
   * another transaction at this moment still counts: that closing was let through by the worker's brake, which counts
   * administrators too.
   */
  async decide(tx: Tx, tenant: string, asking: readonly Asking[]): Promise<Verdict[]> {
    const brake = asking[0]?.subject.rules.brake;
    if (!brake) return [];
    const verdicts = decideLosses(asking, brake, await this.count(tx, tenant, asking, brake));
    const held = verdicts.filter((v) => v.because !== null);
    if (held.length > 0) this.announce(tx, tenant, held, await isHolding(tx, tenant));
    return verdicts;
  }

  /** The whole tenant is counted only if the limit is near, and its administrators only if one of them loses. */
  private async count(tx: Tx, tenant: string, asking: readonly Asking[], brake: Brake): Promise<LossCount> {
    const ids = asking.map(({ subject }) => subject.id);
    const { lost, already } = await lostWithin(tx, tenant, ids, brake.windowMinutes);
    const accounts = lost + asking.length > brake.atLeast ? await accountsInUse(tx, tenant) : 0;
    const strongest = asking.find(losesStrongest);
    const role = strongest && strongestRole(strongest.subject);
    return { lost, already, accounts, holders: role === undefined ? 0 : await holdersInUse(tx, tenant, role) };
  }

  /** One line when it trips; while people are held already it has been said. */
  private announce(tx: Tx, tenant: string, held: readonly Verdict[], tripped: boolean): void {
    const reasons = held.map((v) => v.because ?? 'threshold');
    const [first] = held;
    tx.afterCommit(() => {
      for (const reason of reasons) this.held.inc({ reason });
      if (tripped || !first) return;
      const { cause, because } = first;
      const say = { tenant, code: 'role_brake_tripped', held: held.length, reason: because, cause: cause.type };
      this.logger.warn(
        { ...say, causationId: cause.causationId },
        'too many people lose roles at once, or the last administrator would: they keep them until somebody releases it. "npm run offboarding -- held" lists them',
      );
    });
  }
}
