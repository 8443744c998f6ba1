/** What Okta tells beside SCIM, into the same pipeline: the same case, the same brake, the same reopening. */
import type { Tx } from '#platform';
import type { OktaState } from './closing.js';
import type { People } from './people.js';
import { projectOkta } from './person.sql.js';

export type { OktaState } from './closing.js';

export class Signals {
  constructor(private readonly people: People) {}

  /**
   * Okta's word about a person as of `observedAt`: a state that takes his access away, or null = he may have access as
   * far as Okta is concerned (SCIM decides then). A signal that is not newer than the last one changes nothing. What
   * made us ask arrived at `pushedAt`.
   * `cause` e.g. `okta.suspended`. Answers how many people it was news about: an external id may belong to several, an
   * unknown person is none. Locks them until `tx` ends.
   */
  async signal(
    tx: Tx,
    tenant: string,
    who: { readonly accountId: string } | { readonly externalId: string },
    state: OktaState | null,
    cause: string,
    causationId: string,
    pushedAt: Date,
    observedAt: Date = pushedAt,
  ): Promise<number> {
    const people = await projectOkta(tx, tenant, who, state, observedAt);
    for (const person of people)
      if (person.directoryVersion > 0) await this.people.settle(tx, person, { type: cause, causationId, pushedAt });
    return people.length;
  }
}
