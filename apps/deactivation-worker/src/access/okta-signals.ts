/** Okta's signals outside SCIM lead to the same case, the same brake and the same reactivation. */
import { Injectable } from '@nestjs/common';
import type { OktaState } from '#contracts';
import type { Tx } from '#platform';
import type { Cause } from '../cases/cause.js';
import { AccessEvaluator } from './evaluator.js';
import { storeOktaState } from './person.sql.js';

@Injectable()
export class OktaSignals {
  constructor(private readonly evaluator: AccessEvaluator) {}

  /**
   * Stores Okta's state of a person as of `observedAt`: a state that ends access, or null if Okta has no objection, so
   * that SCIM decides. A signal that is not newer than the last one changes nothing. Resolves with how many people it
   * changed: several may share an external id, and an unknown person is none. Locks their rows until `tx` ends.
   */
  async signal(
    tx: Tx,
    tenant: string,
    who: { readonly accountId: string } | { readonly externalId: string },
    state: OktaState | null,
    cause: Cause,
    observedAt: Date = cause.pushedAt,
  ): Promise<number> {
    const people = await storeOktaState(tx, tenant, who, state, observedAt);
    for (const person of people) if (person.directoryVersion > 0) await this.evaluator.evaluate(tx, person, cause);
    return people.length;
  }
}
