import type { Queryable, Tx } from '#platform';
import { batchSql } from '../../producer/publisher.js';
import { PARTITIONS, type EventRow } from '../../record.js';
import { identifier } from '../../schema.sql.js';

export const CHANNEL = 'bus';

const COLUMNS = 'topic, key, event_id, type, source, subject, tenant, sequence, time, causation_id, traceparent, data';

/**
 * SQL that moves a batch from the outbox into the log, as one transaction in one round trip.
 *
 * The global advisory lock makes positions visible in their order. Without the lock, two services could take positions
 * 1 and 2 and commit 2 first; a consumer would then never see 1. A separate statement takes the lock, so that positions
 * are assigned only while the lock is held.
 *
 * Writers of the outbox do not send NOTIFY themselves, because that would halve their throughput.
 */
export const moveSql = `
  begin;
  select pg_advisory_xact_lock(hashtextextended('bus.event_log', 0));
  execute move_outbox;
  commit`;

/**
 * Prepares the statement that moves a batch, once per session. Planning it for every batch would make a batch 50 % more
 * expensive.
 */
export const prepareMoveSql = (schema: string): string => `
  prepare move_outbox as
  with chosen as materialized (${batchSql(schema)}
  ), batch as (
    delete from ${schema}.outbox where ctid = any(array(select at from chosen)) returning id, lane, ${COLUMNS}
  ), turns as (
    select *, row_number() over (partition by lane, tenant order by id) as turn from batch
  ), logged as (
    insert into bus.event_log (partition, ${COLUMNS})
    select abs(hashtextextended(key, 0) % ${PARTITIONS}), ${COLUMNS} from turns order by lane, turn, id
    returning topic, partition
  ), woken as (
    select topic || ':' || string_agg(distinct partition::text, ',') as part from logged group by topic
  )
  select (select count(*)::int from logged) as moved, pg_notify('${CHANNEL}', (select string_agg(part, ' ') from woken))
  where exists (select 1 from logged)`;

/** Parses a notice such as `topic:1,2 other:3` into `[topic, partition]` pairs. */
export function parseNotice(payload: string): [string, number][] {
  return payload.split(' ').flatMap((part) => {
    const [topic = '', partitions = ''] = part.split(':');
    return partitions.split(',').map((p): [string, number] => [topic, Number(p)]);
  });
}

/** Creates the offsets of a new group, which starts at the oldest event in the log. */
export const seedOffsets = (
  db: Queryable,
  schema: string,
  group: string,
  topics: readonly string[],
): Promise<unknown> =>
  db.query(
    `insert into ${identifier(schema)}.consumer_offset (consumer_group, topic, partition, position)
     select $1, t, p, 0 from unnest($2::text[]) t, generate_series(0, ${PARTITIONS - 1}) p on conflict do nothing`,
    [group, topics],
  );

export type LogRow = EventRow & { readonly position: string; readonly partition: number };

/**
 * Takes the leases of partitions and reads at most `limit` events of each, after its offset. A lease is the row lock on
 * the offset, held until the transaction ends. The result leaves out partitions that another process has leased.
 */
export async function leaseAndRead(
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  partitions: readonly number[],
  limit: number,
): Promise<Map<number, LogRow[]>> {
  const rows = await tx.query<{ leased: number } & (LogRow | { position: null })>({
    name: `lease:${schema}`,
    text: `with leased as materialized (
             select partition as leased, position as reached from ${identifier(schema)}.consumer_offset
             where consumer_group = $1 and topic = $2 and partition = any($3) for update skip locked
           )
           select leased.leased, l.* from leased left join lateral (
             select position, partition, ${COLUMNS} from bus.event_log
             where topic = $2 and partition = leased.leased and position > leased.reached order by position limit $4
           ) l on true order by leased.leased, l.position`,
    values: [group, topic, partitions, limit],
  });
  const read = new Map<number, LogRow[]>();
  for (const row of rows) {
    const events = read.get(row.leased) ?? [];
    if (row.position !== null) events.push(row);
    read.set(row.leased, events);
  }
  return read;
}

/**
 * Moves the offsets in the transaction of the handlers' writes, so that both commit together. `last` contains the last
 * event of each partition.
 */
export const moveOffsets = (
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  last: readonly LogRow[],
): Promise<unknown> =>
  tx.query({
    name: `offset:${schema}`,
    text: `update ${identifier(schema)}.consumer_offset o set position = m.position
           from unnest($3::int[], $4::bigint[]) as m(partition, position)
           where o.consumer_group = $1 and o.topic = $2 and o.partition = m.partition`,
    values: [group, topic, last.map((row) => row.partition), last.map((row) => row.position)],
  });

/** Number of events of a partition that are read to find other tenants. */
const LOOK_AHEAD = 5_000;

/**
 * Returns whether an event of another tenant follows in one of the partitions, or more events than are looked at.
 * `last` contains the last event that was read of each partition.
 */
export async function othersAfter(
  tx: Tx,
  topic: string,
  last: readonly Pick<LogRow, 'partition' | 'position'>[],
  tenant: string,
): Promise<boolean> {
  if (last.length === 0) return false;
  const [row] = await tx.query<{ others: boolean | null }>({
    name: 'others-after',
    text: `select bool_or(a.others or a.seen = ${LOOK_AHEAD}) as others from unnest($2::int[], $3::bigint[]) as p(partition, position)
           cross join lateral (
             select count(*) as seen, coalesce(bool_or(l.tenant <> $4), false) as others from (
               select e.tenant from bus.event_log e where e.topic = $1 and e.partition = p.partition and e.position > p.position
               order by e.position limit ${LOOK_AHEAD}) l) a`,
    values: [topic, last.map(({ partition }) => partition), last.map(({ position }) => position), tenant],
  });
  return row?.others ?? false;
}

/** Finds partitions with unconsumed events of the group, in case a NOTIFY was lost. */
export const partitionsBehind = (
  db: Queryable,
  schema: string,
  group: string,
  topics: readonly string[],
): Promise<{ topic: string; partition: number }[]> =>
  db.query({
    name: `behind:${schema}`,
    text: `select o.topic, o.partition from ${identifier(schema)}.consumer_offset o
           where o.consumer_group = $1 and o.topic = any($2) and exists (
             select 1 from bus.event_log l where l.topic = o.topic and l.partition = o.partition and l.position > o.position)`,
    values: [group, topics],
  });

/**
 * Returns, per tenant, the age in seconds of the oldest event that the group has not consumed yet. Reads at most `limit`
 * events of each partition to bound the cost.
 */
export const agesByTenant = (
  db: Queryable,
  schema: string,
  group: string,
  limit = 1_000,
): Promise<{ tenant: string; seconds: number }[]> =>
  db.query(
    `select n.tenant, extract(epoch from clock_timestamp() - min(n.published_at))::float8 as seconds
     from ${identifier(schema)}.consumer_offset o
     cross join lateral (
       select l.tenant, l.published_at from bus.event_log l
       where l.topic = o.topic and l.partition = o.partition and l.position > o.position order by l.position limit $2) n
     where o.consumer_group = $1 group by n.tenant`,
    [group, limit],
  );

/**
 * Counts, per topic, the events that the group has not consumed yet. Stops at `limit` per partition to bound the cost.
 */
export const lagByTopic = (
  db: Queryable,
  schema: string,
  group: string,
  limit = 100_000,
): Promise<{ topic: string; lag: number }[]> =>
  db.query(
    `select o.topic, sum(n.lag)::int as lag from ${identifier(schema)}.consumer_offset o
     cross join lateral (select count(*) as lag from (
       select 1 from bus.event_log l where l.topic = o.topic and l.partition = o.partition and l.position > o.position limit $2) x) n
     where o.consumer_group = $1 group by o.topic`,
    [group, limit],
  );
