/** What the command line asks of the database as an administrator, who sees every schema. */
import { createLogger, type Database, type Queryable } from '#platform';
import { groupsOf, outboxOf, type GroupState } from '../admin/inspect.sql.js';
import { connectKafka } from '../carriers/kafka/client.js';
import { KafkaSource } from '../carriers/kafka/source.js';
import { PostgresSource } from '../carriers/postgres/source.js';
import { identifier } from '../schema.sql.js';
import type { EventSource } from '../source.js';

export interface OutboxState {
  readonly schema: string;
  readonly waiting: number;
  readonly oldestSeconds: number;
}

const schemasWith = async (db: Queryable, table: string): Promise<string[]> => {
  const rows = await db.query<{ schema: string }>(
    `select table_schema as schema from information_schema.tables where table_name = $1 and table_schema not in ('pg_catalog', 'information_schema') order by 1`,
    [table],
  );
  return rows.map((r) => identifier(r.schema));
};

export async function outboxes(db: Queryable): Promise<OutboxState[]> {
  const states: OutboxState[] = [];
  for (const schema of await schemasWith(db, 'outbox')) {
    const { depth = 0, oldestSeconds = 0 } = (await outboxOf(db, schema)) ?? {};
    states.push({ schema, waiting: depth, oldestSeconds: Math.round(oldestSeconds * 10) / 10 });
  }
  return states;
}

export async function groups(db: Queryable): Promise<GroupState[]> {
  const found: GroupState[] = [];
  for (const schema of await schemasWith(db, 'parked_event')) found.push(...(await groupsOf(db, schema)));
  return found;
}

export function sourceFor(
  carrier: 'postgres' | 'kafka',
  brokers: readonly string[],
  prefix: string | undefined,
  database: Database,
): EventSource {
  if (carrier === 'postgres') return new PostgresSource(database);
  const config = {
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: prefix,
    KAFKA_SSL: false,
    KAFKA_USERNAME: undefined,
    KAFKA_PASSWORD: undefined,
    KAFKA_REPLICATION_FACTOR: -1,
    EVENT_RETENTION_DAYS: 14,
  };
  return new KafkaSource(connectKafka(config, 'events-cli', createLogger('events-cli', 'silent')));
}
