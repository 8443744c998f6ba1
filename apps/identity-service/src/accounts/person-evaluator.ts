import { Injectable } from '@nestjs/common';
import type { Tx } from '#platform';
import { Reconciler } from '../cognito/reconciler.js';
import { Evaluator } from './evaluator.js';
import { tryLockPeople } from './locks.sql.js';
import { requestReevaluation, type Change } from './reevaluation.sql.js';
import { Reevaluator } from './reevaluator.js';

/** A handler evaluates at most so many people itself, because it must not hold their locks for long. */
const AT_ONCE = 50;

@Injectable()
export class PersonEvaluator {
  constructor(
    private readonly evaluator: Evaluator,
    private readonly reevaluator: Reevaluator,
    private readonly reconciler: Reconciler,
  ) {}

  /**
   * `tenantLocked` means that the caller holds the tenant's lock in shared mode until commit. A few people whose rows
   * are free are then evaluated at once. For all others, and for losses of roles that were deferred, a re-evaluation is
   * requested. A re-evaluation takes the tenant's lock exclusively, so it sees every earlier commit.
   */
  async evaluate(
    tx: Tx,
    tenant: string,
    people: readonly string[],
    change: Change,
    tenantLocked: boolean,
  ): Promise<void> {
    const free = tenantLocked && people.length <= AT_ONCE ? await tryLockPeople(tx, tenant, people) : [];
    const done = new Set(await this.evaluateNow(tx, tenant, free, change));
    const rest = people.filter((id) => !done.has(id));
    if (rest.length === 0) return;
    await requestReevaluation(tx, tenant, rest, change);
    tx.afterCommit(() => this.reevaluator.wake());
  }

  /** Resolves with the people whose evaluation is complete. */
  private async evaluateNow(
    tx: Tx,
    tenant: string,
    people: readonly string[],
    { cause }: Change,
  ): Promise<readonly string[]> {
    if (people.length === 0) return [];
    const causes = new Map(people.map((id) => [id, cause]));
    const { changed, deferred } = await this.evaluator.evaluate(tx, tenant, causes, 'shared');
    if (changed > 0) tx.afterCommit(() => this.reconciler.wake());
    return deferred ? [] : people;
  }
}
