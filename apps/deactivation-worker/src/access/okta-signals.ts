/** Applies what Okta's API and event hooks report about people, with the same cases, brake and reactivation as SCIM. */
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
   * Stores Okta's state of a person as of `observedAt`: a state that ends access, or null if SCIM decides. A state that
   * is not newer than the stored one changes nothing. Resolves with the number of people whose state was stored: 0 for
   * an unknown person, more than 1 if several people share the external id. Locks their rows until `tx` ends.
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
