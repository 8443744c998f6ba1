/** Moves events from an outbox to a carrier. Each carrier has one implementation. */
import type { Client } from 'pg';

export const PUBLISH_BATCH = 500;

export interface Publisher {
  /** Called once when this process becomes leader, before it moves the first events to the carrier. */
  prepare(session: Client): Promise<void>;
  /**
   * Moves at most {@link PUBLISH_BATCH} events in id order, and resolves with the number of moved events. `session`
   * holds the leader's lock. Deletes from the outbox run on it, so that a former leader deletes nothing. Rejects with
   * {@link CarrierUnavailable} if the carrier does not accept the events. Any other error ends the leadership.
   */
  move(session: Client): Promise<number>;
  close(): Promise<void>;
}

/** The carrier does not accept events. They stay in the outbox, and the leader tries again on the same session. */
export class CarrierUnavailable extends Error {
  constructor(cause: unknown) {
    super('the carrier does not accept events', { cause });
    this.name = 'CarrierUnavailable';
  }
}
