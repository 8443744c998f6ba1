/** Moves events from an outbox to a carrier. Each carrier has one implementation. */
import type { Client } from 'pg';

/** Events per move. */
export const PUBLISH_BATCH = 500;

export interface Publisher {
  /** Called once per leadership, before the first move. */
  prepare(session: Client): Promise<void>;
  /**
   * Moves at most {@link PUBLISH_BATCH} events in id order, and resolves with how many. `session` holds the leader's lock: deletes
   * from the outbox run on it, so that a deposed leader deletes nothing. Rejects with {@link CarrierUnavailable} if the
   * carrier does not take the events; any other error ends the leadership.
   */
  move(session: Client): Promise<number>;
  /** Called when the leadership ends. */
  close(): Promise<void>;
}

/** The events stay in the outbox; the sequencer tries the move again on the same session. */
export class CarrierUnavailable extends Error {
  constructor(cause: unknown) {
    super('the carrier does not take events', { cause });
    this.name = 'CarrierUnavailable';
  }
}
