/** Carries out, in the transaction of whoever projected something, what follows for the person. */
import type { Outbox } from '#event-bus';
import { currentTraceparent, type Tx } from '#platform';
import { caseEvent } from '../cases/case-event.js';
import { discardCases, openCase } from '../cases/case.sql.js';
import type { Wake } from '../wake.js';
import { accessEvent } from './access-event.js';
import { consequences, wishOf, type Consequences, type Wish } from './closing.js';
import type { Person } from './person.sql.js';
import { ConsequencesWriter, deactivatesOnOffboard } from './consequences.sql.js';

/** What made us look. */
export interface Cause {
  /** E.g. `user.deactivated`, `okta.suspended`. */
  readonly type: string;
  readonly causationId: string;
  readonly pushedAt: Date;
}

export class People {
  private readonly writer: ConsequencesWriter;

  constructor(
    private readonly outbox: Outbox,
    private readonly wake: Wake,
  ) {
    this.writer = new ConsequencesWriter(outbox);
  }

  /** The caller has locked the person's row in `tx`. */
  async settle(tx: Tx, person: Person, cause: Cause): Promise<void> {
    const wish = await this.wish(tx, person);
    const next = consequences(person, wish, person.provisioned && !person.wasProvisioned);
    await this.carryOut(tx, person, next, cause);
    if (next.openCase) tx.afterCommit(() => this.wake.admit());
    if (next.work) tx.afterCommit(() => this.wake.run());
  }

  private async wish(tx: Tx, person: Person): Promise<Wish> {
    const certain = wishOf(person, true);
    const depends = certain === 'closed' && wishOf(person, false) !== 'closed';
    return depends ? wishOf(person, await deactivatesOnOffboard(tx, person.tenant)) : certain;
  }

  private async carryOut(tx: Tx, person: Person, next: Consequences, cause: Cause): Promise<void> {
    const { id, tenant } = person;
    const { causationId } = cause;
    const traceparent = currentTraceparent();
    if (next.publish || next.door || next.work) {
      const { accessVersion, notBefore } = person;
      const told = next.publish && { id, tenant, ...next.publish, notBefore, sequence: accessVersion + 1, causationId };
      await this.writer.write(tx, id, next, { causationId, traceparent }, told ? [accessEvent(told)] : []);
    }
    if (next.openCase) await openCase(tx, person, cause, traceparent);
    // Of who was wanted in all along nothing can wait.
    if (!next.discardCase || person.wasIn) return;
    const discarded = await discardCases(tx, [id]);
    await this.outbox.add(
      tx,
      discarded.map((row) => caseEvent('discarded', row, causationId)),
    );
  }
}
