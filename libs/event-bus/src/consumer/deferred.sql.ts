/**
 * SQL of the deferred events: valid events of tenants that used more than their share of a consumer group's time. Each
 * pair of tenant and partition has a queue in the order of delivery, so the order per key is preserved.
 */
import type { EventEnvelope, Topic } from '#events';
import type { Queryable, Tx } from '#platform';
import type { Delivery } from '../record.js';
import { identifier } from '../schema.sql.js';

export interface NewDeferred {
  readonly partition: number;
  readonly position: string;
  readonly event: EventEnvelope;
}

export interface DeferredQueue {
  readonly tenant: string;
  readonly topic: Topic;
  readonly partition: number;
}

export interface DeferredRow extends Delivery {
  readonly id: string;
  readonly key: string;
  readonly event: EventEnvelope;
}

/** Appends events to the queues of their tenants. */
export async function defer(
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  deferred: readonly NewDeferred[],
): Promise<void> {
  if (deferred.length === 0) return;
  await tx.query({
    name: `defer:${schema}`,
    text: `insert into ${identifier(schema)}.deferred_event (consumer_group, topic, partition, position, tenant, key, sequence, event)
           select $1, $2, e.partition, e.position, e.tenant, e.key, e.sequence, e.event
           from unnest($3::smallint[], $4::bigint[], $5::uuid[], $6::text[], $7::bigint[], $8::jsonb[])
             with ordinality as e(partition, position, tenant, key, sequence, event, n) order by e.n`,
    values: [
      group,
      topic,
      deferred.map(({ partition }) => partition),
      deferred.map(({ position }) => position),
      deferred.map(({ event }) => event.tenant),
      deferred.map(({ event }) => event.key),
      deferred.map(({ event }) => event.sequence),
      deferred.map(({ event }) => JSON.stringify(event)),
    ],
  });
}

/** Finds the first event of every queue of a group, with a loose index scan: one index probe per queue. */
const queuesSql = (schema: string): string => `
  with recursive queue as (
    (select d.tenant, d.topic, d.partition, d.event from ${identifier(schema)}.deferred_event d where d.consumer_group = $1
      order by d.tenant, d.topic, d.partition, d.id limit 1)
    union all
    (select n.* from queue q cross join lateral (
      select d.tenant, d.topic, d.partition, d.event from ${schema}.deferred_event d
      where d.consumer_group = $1 and (d.tenant, d.topic, d.partition) > (q.tenant, q.topic, q.partition)
      order by d.tenant, d.topic, d.partition, d.id limit 1) n)
  )`;

export const deferredQueues = (db: Queryable, schema: string, group: string): Promise<DeferredQueue[]> =>
  db.query({
    name: `deferred:${schema}`,
    text: `${queuesSql(schema)} select tenant, topic, partition from queue`,
    values: [group],
  });

/** Returns the age of the oldest deferred event of each tenant, in seconds. */
export const deferredAges = (
  db: Queryable,
  schema: string,
  group: string,
): Promise<{ tenant: string; seconds: number }[]> =>
  db.query(
    `${queuesSql(schema)}
     select tenant, extract(epoch from clock_timestamp() - min((event ->> 'time')::timestamptz))::float8 as seconds from queue group by tenant`,
    [group],
  );

/** Counts the deferred events of each topic. Stops at `limit` to bound the cost. */
export const deferredByTopic = (
  db: Queryable,
  schema: string,
  group: string,
  limit = 100_000,
): Promise<{ topic: string; deferred: number }[]> =>
  db.query(
    `select topic, count(*)::int as deferred from (
       select topic from ${identifier(schema)}.deferred_event where consumer_group = $1 limit $2) d group by topic`,
    [group, limit],
  );

/**
 * Locks a queue and returns its first `limit` events, or undefined if another process works on it. The lock is held
 * until the transaction ends, so that the order of the events is preserved.
 */
export async function lockDeferred(
  tx: Tx,
  schema: string,
  group: string,
  { tenant, topic, partition }: DeferredQueue,
  limit: number,
): Promise<DeferredRow[] | undefined> {
  const s = identifier(schema);
  const [lock] = await tx.query<{ locked: boolean }>(
    'select pg_try_advisory_xact_lock(hashtextextended($1, 3)) as locked',
    [`deferred:${s}:${group}:${topic}:${partition}:${tenant}`],
  );
  if (!lock?.locked) return undefined;
  return tx.query<DeferredRow>({
    name: `lock-deferred:${s}`,
    text: `select id, partition, position, key, event from ${s}.deferred_event
           where consumer_group = $1 and tenant = $2 and topic = $3 and partition = $4 order by id limit $5 for update`,
    values: [group, tenant, topic, partition, limit],
  });
}

/** Returns those of the keys that have parked events. Call it after {@link lockDeferred}, so that no key is parked later. */
export async function parkedAmong(
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  keys: readonly string[],
): Promise<Set<string>> {
  const rows = await tx.query<{ key: string }>({
    name: `parked-among:${schema}`,
    text: `select k.key from unnest($3::text[]) as k(key) where exists (
             select 1 from ${identifier(schema)}.parked_event p where p.consumer_group = $1 and p.topic = $2 and p.key = k.key)`,
    values: [group, topic, [...new Set(keys)]],
  });
  return new Set(rows.map(({ key }) => key));
}

export async function deleteDeferred(
  tx: Tx,
  schema: string,
  group: string,
  { tenant, topic, partition }: DeferredQueue,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await tx.query({
    name: `delete-deferred:${schema}`,
    text: `delete from ${identifier(schema)}.deferred_event
           where consumer_group = $1 and tenant = $2 and topic = $3 and partition = $4 and id = any($5::bigint[])`,
    values: [group, tenant, topic, partition, ids],
  });
}

/** Removes the deferred events of these keys and returns them in order, so that they can be parked instead. */
export async function takeDeferred(
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  keys: readonly string[],
): Promise<DeferredRow[]> {
  const rows = await tx.query<DeferredRow>(
    `delete from ${identifier(schema)}.deferred_event where consumer_group = $1 and topic = $2 and key = any($3)
     returning id, partition, position, key, event`,
    [group, topic, keys],
  );
  return rows.sort((a, b) => Number(a.id) - Number(b.id));
}
