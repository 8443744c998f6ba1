import { Injectable } from '@nestjs/common';
import type { Tx } from '#platform';
import { Reconciler } from '../cognito/reconciler.js';
import { Evaluator } from './evaluator.js';
import { requestReevaluation, type Change } from './reevaluation.sql.js';
import { Reevaluator } from './reevaluator.js';

@Injectable()
export class PersonEvaluator {
  constructor(
    private readonly evaluator: Evaluator,
    private readonly reevaluator: Reevaluator,
    private readonly reconciler: Reconciler,
  ) {}

  /**
   * Evaluates the account at once if `locked`: the caller holds the tenant's lock and the lock of the person's row.
   * Otherwise requests a re-evaluation. This evaluation holds the tenant's lock in shared mode until commit. A
   * re-evaluation takes it exclusively, so it sees every earlier commit.
   */
  async evaluate(tx: Tx, tenant: string, id: string, change: Change, locked: boolean): Promise<void> {
    if (locked) {
      const { changed, deferred } = await this.evaluator.evaluate(tx, tenant, new Map([[id, change.cause]]), 'shared');
      if (changed > 0) tx.afterCommit(() => this.reconciler.wake());
      if (!deferred) return;
    }
    await requestReevaluation(tx, tenant, id, change);
    tx.afterCommit(() => this.reevaluator.wake());
  }
}
