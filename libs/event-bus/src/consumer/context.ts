import type { EventEnvelope, EventType } from '#events';
import type { Tx } from '#platform';

/**
 * The `@Ctx()` argument of an `@EventPattern` handler. Writes through `tx` commit together with the record that the
 * event was handled. Effects outside this database (HTTP calls) happen at least once and must be idempotent.
 */
export class EventContext<T extends EventType = EventType> {
  constructor(
    readonly tx: Tx,
    readonly event: EventEnvelope<T>,
    readonly topic: string,
    readonly partition: number,
    /** Offset in the partition of the carrier, as decimal digits. It may exceed 2^53. */
    readonly position: string,
    readonly group: string,
    /** Number of this attempt, beginning at 1. Attempts before and after the event was parked are counted together. */
    readonly attempt: number,
  ) {}
}

/**
 * A handler throws this error if a retry of the event cannot succeed. The key is parked at once and waits for an
 * administrator.
 */
export class PoisonEvent extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PoisonEvent';
  }
}
