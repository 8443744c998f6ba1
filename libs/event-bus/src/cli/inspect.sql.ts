/** What the command line asks of the database, as administrator: it sees every schema and changes none of these. */
import { topics } from '#events';
import type { Queryable } from '#platform';
import { identifier } from '../schema.sql.js';
import { heads, type ParkedRow } from '../parking.sql.js';

export interface OutboxState {
  readonly schema: string;
  readonly waiting: number;
  readonly oldestSeconds: number;
}

export interface GroupState {
  readonly group: string;
  readonly schema: string;
  readonly topics: readonly string[];
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
    const rows = await db.query<{ waiting: number; age: number }>(
      `select count(*)::int as waiting, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as age from ${schema}.outbox`,
    );
    states.push({ schema, waiting: rows[0]?.waiting ?? 0, oldestSeconds: Math.round((rows[0]?.age ?? 0) * 10) / 10 });
  }
  return states;
}

/** Groups and the topics that they have consumed from; inbox and queues by loose index scan, one probe per pair. */
export async function groups(db: Queryable): Promise<GroupState[]> {
  const found: GroupState[] = [];
  for (const schema of await schemasWith(db, 'parked_event')) {
    const pairs = await db.query<{ g: string; t: string }>(
      `with recursive seen as (
         (select consumer_group as g, topic as t from ${schema}.inbox order by 1, 2 limit 1)
         union all
         (select n.g, n.t from seen s cross join lateral (
           select i.consumer_group as g, i.topic as t from ${schema}.inbox i
           where (i.consumer_group, i.topic) > (s.g, s.t) order by 1, 2 limit 1) n)
       )
       select g, t from seen union select consumer_group, topic from ${schema}.consumer_offset
       union select distinct consumer_group, topic from ${schema}.parked_event order by 1, 2`,
    );
    for (const group of new Set(pairs.map((p) => p.g)))
      found.push({ group, schema, topics: pairs.filter((p) => p.g === group).map((p) => p.t) });
  }
  return found;
}

export interface ParkedQueue extends ParkedRow {
  /** Events in the queue, the failed one included. */
  readonly length: number;
}

export async function parkedQueues(db: Queryable, { group, schema }: GroupState): Promise<ParkedQueue[]> {
  const rows = await heads(db, schema, group);
  const lengths = await db.query<{ topic: string; key: string; n: number }>(
    `select topic, key, count(*)::int as n from ${schema}.parked_event where consumer_group = $1 group by topic, key`,
    [group],
  );
  return rows.map((row) => ({
    ...row,
    length: lengths.find((l) => l.topic === row.topic && l.key === row.key)?.n ?? 0,
  }));
}

export const inboxOf = (
  db: Queryable,
  { group, schema }: GroupState,
  key: string,
): Promise<{ topic: string; key: string; sequence: string; handled_at: Date }[]> =>
  db.query(
    `select topic, key, sequence, handled_at from ${schema}.inbox where consumer_group = $1 and topic = any($2) and key = $3`,
    [group, topics, key],
  );
