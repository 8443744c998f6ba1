/** Carries out, in the transaction of whoever projected something, what follows for the person. */
import type { NewEvent, Outbox } from '#event-bus';
import { currentTraceparent, type Tx } from '#platform';
import { caseEvent, type CaseRow } from '../cases/case-event.js';
import { discardCases, openCase } from '../cases/case.sql.js';
import type { Wake } from '../wake.js';
import { accessEvent } from './access-event.js';
import { consequences, wishOf, type Consequences, type Wish } from './closing.js';
import type { Person } from './person.sql.js';
import { applyConsequences, deactivatesOnOffboard } from './consequences.sql.js';

/** What made us look. */
export interface Cause {
  /** E.g. `user.deactivated`, `okta.suspended`. */
  readonly type: string;
  readonly causationId: string;
  readonly pushedAt: Date;
}

export class People {
  constructor(
    private readonly outbox: Outbox,
    private readonly wake: Wake,
  ) {}

  /** The caller has locked the person's row in `tx`. */
  async settle(tx: Tx, person: Person, cause: Cause): Promise<void> {
    const wish = await this.wish(tx, person);
    const next = consequences(person, wish, person.provisioned && !person.wasProvisioned);
    const events = await this.carryOut(tx, person, next, cause);
    await this.outbox.add(tx, events);
    if (next.openCase) tx.afterCommit(() => this.wake.admit());
    if (next.work) tx.afterCommit(() => this.wake.run());
  }

  private async wish(tx: Tx, person: Person): Promise<Wish> {
    const certain = wishOf(person, true);
    const depends = certain === 'closed' && wishOf(person, false) !== 'closed';
    return depends ? wishOf(person, await deactivatesOnOffboard(tx, person.tenant)) : certain;
  }

  private async carryOut(tx: Tx, person: Person, next: Consequences, cause: Cause): Promise<NewEvent[]> {
    const { id, tenant } = person;
    const { causationId } = cause;
    const events: NewEvent[] = [];
    if (next.publish || next.door || next.work)
      await applyConsequences(tx, id, next, causationId, currentTraceparent());
    if (next.publish) {
      const sequence = person.accessVersion + 1;
      events.push(accessEvent({ id, tenant, ...next.publish, notBefore: person.notBefore, sequence, causationId }));
    }
    if (next.openCase) await openCase(tx, person, cause, currentTraceparent());
    // Of who was wanted in all along nothing can wait.
    if (next.discardCase && !person.wasIn)
      events.push(...(await discardCases(tx, [id])).map((row: CaseRow) => caseEvent('discarded', row, causationId)));
    return events;
  }
}
