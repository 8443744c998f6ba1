/** Reads published events again, for inspection and replay, without changing the offsets of any consumer group. */
import type { Topic } from '#events';
import type { Delivery } from './record.js';

/** The carrier does not let this service read the topic. */
export class ReadRefused extends Error {
  constructor(topic: Topic) {
    super(`The brokers do not let this service read ${topic}, because it neither publishes nor consumes it.`);
  }
}

export interface ReadRange {
  readonly topic: Topic;
  /** If set, only events published at or after this instant are read. */
  readonly from?: Date | undefined;
  readonly key?: string | undefined;
}

export interface EventSource {
  /** Reads published events in pages, in order per key, and passes each page to the callback. */
  read(range: ReadRange, page: (deliveries: readonly Delivery[]) => Promise<void>): Promise<void>;
  /**
   * Counts, per topic, the events that the group has not consumed yet. On the Postgres carrier, `schema` contains the
   * offsets of the group.
   */
  lag(schema: string, group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
