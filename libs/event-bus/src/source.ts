/** Reads published events back, for inspection and replay. Each carrier has one implementation. */
import type { Topic } from '#events';
import type { Delivery } from './record.js';

export interface ReadRange {
  readonly topic: Topic;
  /** Events published at or after this instant. */
  readonly from?: Date | undefined;
  /** Only this key. */
  readonly key?: string | undefined;
}

export interface EventSource {
  /** Hands over published events in pages, in order per key. */
  read(range: ReadRange, page: (deliveries: readonly Delivery[]) => Promise<void>): Promise<void>;
  /** Events that the group has not consumed yet, per topic. `schema` holds its offsets on the Postgres carrier. */
  lag(schema: string, group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
