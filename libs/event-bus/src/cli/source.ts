/** Reads published events back, from either carrier, for inspection and replay. */
import type { Topic } from '#events';
import type { Database, Logger } from '#platform';
import { connectKafka, type KafkaConnection } from '../kafka/client.js';
import { groupLag, readKafkaTopic } from '../kafka/inspect.js';
import { lagByTopic } from '../postgres/log.sql.js';
import { deliveryOf, type Delivery, type EventRow } from '../record.js';
import type { GroupState } from './inspect.sql.js';

export interface Wanted {
  readonly topic: Topic;
  readonly from?: Date;
  /** Only this key. */
  readonly key?: string;
}

export interface EventSource {
  /** Hands over published events, in order per key, in pages. */
  read(wanted: Wanted, page: (deliveries: readonly Delivery[]) => Promise<void>): Promise<void>;
  /** Events that a group has not consumed yet, per topic. */
  lag(group: GroupState): Promise<ReadonlyMap<string, number>>;
}

const PAGE = 500;
const EPOCH = new Date(0);

export class PostgresSource implements EventSource {
  constructor(private readonly database: Database) {}

  async read(
    { topic, from = EPOCH, key }: Wanted,
    page: (deliveries: readonly Delivery[]) => Promise<void>,
  ): Promise<void> {
    for (let after = '0'; ;) {
      const rows = await this.database.query<EventRow & { position: string; partition: number }>(
        `select * from bus.event_log where topic = $1 and position > $2 and published_at >= $3 and ($4::text is null or key = $4)
         order by position limit ${PAGE}`,
        [topic, after, from, key ?? null],
      );
      if (rows.length > 0) await page(rows.map(deliveryOf));
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.position ?? after;
    }
  }

  async lag({ schema, group }: GroupState): Promise<ReadonlyMap<string, number>> {
    return new Map((await lagByTopic(this.database, schema, group)).map(({ topic, lag }) => [topic, lag]));
  }
}

export class KafkaSource implements EventSource {
  private readonly connection: KafkaConnection;

  constructor(brokers: readonly string[], prefix: string | undefined, logger: Logger) {
    this.connection = connectKafka(
      {
        KAFKA_BROKERS: brokers,
        KAFKA_TOPIC_PREFIX: prefix,
        KAFKA_SSL: false,
        KAFKA_USERNAME: undefined,
        KAFKA_PASSWORD: undefined,
        KAFKA_REPLICATION_FACTOR: -1,
        EVENT_RETENTION_DAYS: 14,
      },
      'events-cli',
      logger,
    );
  }

  read({ topic, from, key }: Wanted, page: (deliveries: readonly Delivery[]) => Promise<void>): Promise<void> {
    return readKafkaTopic(this.connection, topic, from, (deliveries) => {
      const chosen = key === undefined ? deliveries : deliveries.filter((d) => d.key === key);
      return chosen.length > 0 ? page(chosen) : Promise.resolve();
    });
  }

  lag({ group, topics }: GroupState): Promise<ReadonlyMap<string, number>> {
    return groupLag(this.connection, group, topics);
  }
}
