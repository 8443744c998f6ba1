/**
 * SQL of the parked events. Each group has one queue per key in its own schema, ordered by (sequence, id). The first
 * event of a queue has failed; the other events wait behind it. A key is parked as long as its queue is not empty.
 */
import type { EventEnvelope } from '#events';
import type { Queryable, Tx } from '#platform';
import { identifier } from '../schema.sql.js';

export interface ParkedRow {
  readonly id: string;
  readonly consumer_group: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
  readonly key: string;
  readonly sequence: string;
  readonly event: EventEnvelope | null;
  readonly raw: Buffer | null;
  readonly state: 'waiting' | 'dead';
  readonly attempts: number;
  readonly error: string | null;
  readonly next_at: Date;
  readonly parked_at: Date;
}

export interface NewParked {
  readonly partition: number;
  readonly position: string;
  readonly key: string;
  /**
   * Null for an unreadable record whose key has no other events in this batch. The insert then uses the last sequence
   * in the inbox.
   */
  readonly sequence: number | null;
  readonly event: EventEnvelope | null;
  readonly raw: Buffer | null;
  readonly state: 'waiting' | 'dead';
  readonly attempts: number;
  readonly error: string | null;
  readonly retryInMs: number;
}

/** Appends events to the queues of their keys. An unreadable record that is redelivered is not appended twice. */
export async function park(
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  parked: readonly NewParked[],
): Promise<void> {
  if (parked.length === 0) return;
  const column = <K extends keyof NewParked>(k: K) => parked.map((p) => p[k]);
  await tx.query(
    `insert into ${identifier(schema)}.parked_event (consumer_group, topic, partition, position, key, sequence, event, raw, state, attempts, error, next_at)
     select $1, $2, e.partition, e.position, e.key,
       coalesce(e.sequence, (select i.sequence from ${identifier(schema)}.inbox i where i.consumer_group = $1 and i.topic = $2 and i.key = e.key), 0), e.event, decode(e.raw, 'hex'), e.state, e.attempts, e.error, clock_timestamp() + e.retry_in * interval '1 ms'
     from unnest($3::smallint[], $4::bigint[], $5::text[], $6::bigint[], $7::jsonb[], $8::text[], $9::text[], $10::int[], $11::text[], $12::float8[])
       with ordinality as e(partition, position, key, sequence, event, raw, state, attempts, error, retry_in, n)
     order by e.n
     on conflict (consumer_group, topic, partition, position) where event is null do nothing`,
    [
      group,
      topic,
      column('partition'),
      column('position'),
      column('key'),
      column('sequence'),
      parked.map((p) => p.event && JSON.stringify(p.event)),
      parked.map((p) => p.raw?.toString('hex') ?? null),
      column('state'),
      column('attempts'),
      column('error'),
      column('retryInMs'),
    ],
  );
}

/** Selects the first event of every queue of a group with a loose index scan: one index probe per parked key. */
const headsSql = (schema: string): string => `
  with recursive head as (
    (select p.* from ${identifier(schema)}.parked_event p where p.consumer_group = $1
      order by p.topic, p.key, p.sequence, p.id limit 1)
    union all
    (select n.* from head h cross join lateral (
      select p.* from ${identifier(schema)}.parked_event p
      where p.consumer_group = $1 and (p.topic, p.key) > (h.topic, h.key)
      order by p.topic, p.key, p.sequence, p.id limit 1) n)
  )
  select * from head`;

export const heads = (db: Queryable, schema: string, group: string): Promise<ParkedRow[]> =>
  db.query<ParkedRow>(headsSql(schema), [group]);

/**
 * Locks one queue and returns its first `limit` events, or no events if another process works on this key.
 *
 * Retries and skips hold an advisory lock of the key until their transaction ends, so that the order of its events is
 * preserved. This function never waits for the advisory lock, and consumers append events without taking it. The row
 * locks cannot deadlock, because all processes take them in queue order.
 */
export async function lockQueue(
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  key: string,
  limit: number,
): Promise<ParkedRow[]> {
  const s = identifier(schema);
  const locked = await tx.query<{ locked: boolean }>(
    'select pg_try_advisory_xact_lock(hashtextextended($1, 1)) as locked',
    [`parked:${s}:${group}:${topic}:${key}`],
  );
  if (!locked[0]?.locked) return [];
  return tx.query<ParkedRow>(
    `select * from ${s}.parked_event where consumer_group = $1 and topic = $2 and key = $3 order by sequence, id limit $4 for update`,
    [group, topic, key, limit],
  );
}

export const unpark = (tx: Tx, schema: string, ids: readonly string[]): Promise<unknown> =>
  tx.query(`delete from ${identifier(schema)}.parked_event where id = any($1::bigint[])`, [ids]);

export const reschedule = (
  tx: Tx,
  schema: string,
  id: string,
  state: 'waiting' | 'dead',
  attempts: number,
  error: string,
  retryInMs: number,
): Promise<unknown> =>
  tx.query(
    `update ${identifier(schema)}.parked_event set state = $2, attempts = $3, error = $4, next_at = clock_timestamp() + $5::float8 * interval '1 ms' where id = $1`,
    [id, state, attempts, error, retryInMs],
  );
