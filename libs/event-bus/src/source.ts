/** Reads published events back, for inspection and replay. Each carrier has one implementation. */
import type { Topic } from '#events';
import type { Delivery } from './record.js';

export interface ReadRange {
  readonly topic: Topic;
  /** If set, only events published at or after this instant are read. */
  readonly from?: Date | undefined;
  /** Only this key. */
  readonly key?: string | undefined;
}

export interface EventSource {
  /** Reads published events in pages, in order per key, and passes each page to the callback. */
  read(range: ReadRange, page: (deliveries: readonly Delivery[]) => Promise<void>): Promise<void>;
  /**
   * Counts the events per topic that the group has not consumed yet. On the Postgres carrier, `schema` contains the
   * offsets of the group.
   */
  lag(schema: string, group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
