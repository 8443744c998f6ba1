/** Moves the outbox to the carrier; completed below. */
import type { Database, Logger, Metrics } from '#platform';
import type { EventRow } from './record.js';

/** Where events go when the carrier is not the database itself. */
export interface EventPublisher {
  /** Resolves when every record is stored by all replicas; keeps the order per key. May be repeated after an error. */
  publish(events: readonly EventRow[]): Promise<void>;
  close(): Promise<void>;
}

export interface SequencerOptions {
  readonly database: Database;
  /** Schema of the outbox. */
  readonly schema: string;
  readonly carrier: 'postgres' | EventPublisher;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Events per batch; 500 by default. */
  readonly batch?: number;
  /** Longest pause between two looks at an empty outbox; 20 ms by default. */
  readonly pollMs?: number;
  /** Days that the Postgres event log keeps events; undefined = no trimming. */
  readonly retentionDays?: number;
}

export class Sequencer {
  constructor(readonly options: SequencerOptions) {}
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  poke(): void {}
  onApplicationBootstrap(): Promise<void> {
    return this.start();
  }
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }
}
