/** One person's account after an event: evaluated now, or asked for if somebody else stands in the way. */
import type { Tx } from '#platform';
import { requestUserReevaluation } from '../directory/projection.sql.js';
import { Wake } from '../wake.js';
import type { Evaluator } from './evaluator.js';
import type { Cause } from './transition.js';

export interface PersonChange {
  readonly cause: Cause;
  readonly traceparent: string | null;
  /** The caller holds the tenant's lock and the person's row. */
  readonly now: boolean;
}

export class PersonEvaluator {
  constructor(
    private readonly evaluator: Evaluator,
    private readonly wake: Wake,
  ) {}

  /**
   * A request is done by the re-evaluation, alone on the tenant's lock: everybody who evaluates holds it shared until
   * his commit, so it sees what he wrote, and he who came after the request sees what it is about.
   */
  async evaluate(tx: Tx, tenant: string, id: string, { cause, traceparent, now }: PersonChange): Promise<void> {
    if (now) {
      const { changed, deferred } = await this.evaluator.evaluate(tx, tenant, new Map([[id, cause]]), 'shared');
      if (changed > 0) tx.afterCommit(() => this.wake.reconcile());
      if (deferred.length === 0) return;
    }
    await requestUserReevaluation(tx, tenant, id, cause, traceparent);
    tx.afterCommit(() => this.wake.reevaluate());
  }
}
