/** What a handler is given, and what it may throw. */
import type { EventEnvelope, EventType } from '#events';
import type { Tx } from '#platform';

/**
 * `@Ctx()` of an `@EventPattern` handler. Everything that the handler writes through `tx` commits together with the
 * fact that the event was handled: a crash before the commit undoes both, a redelivery after it is skipped.
 * Effects outside this database (HTTP calls) happen at least once and must be idempotent.
 */
export class EventContext<T extends EventType = EventType> {
  constructor(
    readonly tx: Tx,
    readonly event: EventEnvelope<T>,
    readonly topic: string,
    readonly partition: number,
    /** Position in the carrier's partition; a decimal string (may exceed 2^53). */
    readonly position: string,
    /** Consumer group. */
    readonly group: string,
    /** 1 at first, counts the attempts over in-place retries and parking. */
    readonly attempt: number,
  ) {}
}

/** Thrown by a handler for an event that no retry will ever make right: its key is parked at once and stays so. */
export class PoisonEvent extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PoisonEvent';
  }
}
