/** The argument of a handler, and the error that it may throw. */
import type { EventEnvelope, EventType } from '#events';
import type { Tx } from '#platform';

/**
 * `@Ctx()` of an `@EventPattern` handler. Writes through `tx` commit together with the record that
 * the event was handled: a crash before the commit undoes both, and a redelivery after it is skipped.
 * Effects outside this database (HTTP calls) happen at least once and must be idempotent.
 */
export class EventContext<T extends EventType = EventType> {
  constructor(
    readonly tx: Tx,
    readonly event: EventEnvelope<T>,
    readonly topic: string,
    readonly partition: number,
    /** Offset in the carrier's partition: decimal digits, which may exceed 2^53. */
    readonly position: string,
    /** Consumer group. */
    readonly group: string,
    /** Begins at 1; counts the attempts in place and from the parked queue. */
    readonly attempt: number,
  ) {}
}

/** A handler throws this for an event that no retry can help: its key is parked at once and waits for an administrator. */
export class PoisonEvent extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PoisonEvent';
  }
}
