import { Injectable } from '@nestjs/common';
import { BY_OKTA } from '#brake';
import { Outbox } from '#event-bus';
import { currentTraceparent, type Tx } from '#platform';
import { releaseConfirmed } from '../cases/admission.sql.js';
import { caseEvent, type CaseRow } from '../cases/case-event.js';
import { discardCases, openCase } from '../cases/case.sql.js';
import type { Cause } from '../cases/cause.js';
import { OffboardingWake } from '../wake.js';
import { accessEvent } from './access-event.js';
import { consequences, desiredAccess, type Consequences, type DesiredAccess } from './access.js';
import { ConsequencesWriter, deactivatesOnOffboard } from './consequences.sql.js';
import type { Person } from './person.sql.js';

@Injectable()
export class AccessEvaluator {
  private readonly writer: ConsequencesWriter;

  constructor(
    private readonly outbox: Outbox,
    private readonly wake: OffboardingWake,
  ) {
    this.writer = new ConsequencesWriter(outbox);
  }

  /**
   * Evaluates a person's access and writes the consequences, in the transaction `tx` that stored the change and locked
   * the person's row.
   */
  async evaluate(tx: Tx, person: Person, cause: Cause): Promise<void> {
    const desired = await this.desired(tx, person);
    const next = consequences(person, desired, person.provisioned && !person.wasProvisioned);
    await this.apply(tx, person, next, cause);
    if (next.openCase) tx.afterCommit(() => this.wake.emit('admit'));
    if (next.work) tx.afterCommit(() => this.wake.emit('run'));
  }

  /** Reads the settings only if the result depends on them, because reading them takes a lock. */
  private async desired(tx: Tx, person: Person): Promise<DesiredAccess> {
    const [on, off] = [desiredAccess(person, true), desiredAccess(person, false)];
    return on === off || (await deactivatesOnOffboard(tx, person.tenant)) ? on : off;
  }

  private async apply(tx: Tx, person: Person, next: Consequences, cause: Cause): Promise<void> {
    const { id } = person;
    const { causationId } = cause;
    const traceparent = currentTraceparent();
    if (next.publish || next.desiredAccess || next.work) {
      const event = next.publish && {
        ...person,
        publishedStatus: next.publish.status,
        publishedRoles: next.publish.roles,
        accessVersion: person.accessVersion + 1,
        causationId,
        traceparent,
      };
      await this.writer.write(
        tx,
        id,
        next,
        { causationId, traceparent },
        event ? [accessEvent(event, event.publishedStatus !== 'active')] : [],
      );
    }
    if (next.openCase) {
      await openCase(tx, person, cause, traceparent);
      if (person.oktaState !== null) await this.releaseConfirmed(tx, id, causationId);
    }
    // A person who was entitled to access before this change has no pending case to discard.
    if (!next.discardCase || person.wasEntitled) return;
    const discarded = await discardCases(tx, [id]);
    await this.outbox.add(
      tx,
      discarded.map((row) => caseEvent('discarded', row, causationId)),
    );
  }

  /** Nothing is held once Okta confirms the offboarding, because then it is no mistake of a push. */
  private async releaseConfirmed(tx: Tx, id: string, causationId: string): Promise<void> {
    const released = await tx.query<CaseRow>(releaseConfirmed, [id, BY_OKTA]);
    await this.outbox.add(
      tx,
      released.map((row) => caseEvent('released', row, causationId)),
    );
  }
}
