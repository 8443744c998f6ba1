/** Questions about the bus tables of one schema: outbox, consumer groups, parked keys. They lock nothing. */
import type { Queryable } from '#platform';
import { identifier } from '../schema.sql.js';
import type { ParkedRow } from '../consumer/parking.sql.js';
import { outboxBacklog, type OutboxBacklog } from '../producer/metrics.js';

/** A consumer group and the topics that it has consumed from. */
export interface GroupState {
  readonly group: string;
  readonly schema: string;
  readonly topics: readonly string[];
}

/** Undefined = the schema has no outbox. */
export const outboxOf = async (db: Queryable, schema: string): Promise<OutboxBacklog | undefined> =>
  (await tableExists(db, schema, 'outbox')) ? outboxBacklog(db, schema) : undefined;

/** Finds the pairs of group and topic by a loose index scan of the inbox: one probe per pair. */
export async function groupsOf(db: Queryable, schema: string): Promise<GroupState[]> {
  if (!(await tableExists(db, schema, 'parked_event'))) return [];
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
  return [...new Set(pairs.map((p) => p.g))].map((group) => ({
    group,
    schema,
    topics: pairs.filter((p) => p.g === group).map((p) => p.t),
  }));
}

async function tableExists(db: Queryable, schema: string, table: string): Promise<boolean> {
  const [row] = await db.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    `${identifier(schema)}.${table}`,
  ]);
  return row?.exists ?? false;
}

/** The failed event of a parked key. */
export interface ParkedQueue extends ParkedRow {
  /** Events in the queue, the failed one included. */
  readonly length: number;
}

export interface ParkedFilters {
  readonly group?: string | undefined;
  readonly topic?: string | undefined;
  readonly tenant?: string | undefined;
  /** Part of the error, as it is or with its ids masked. */
  readonly error?: string | undefined;
  /** The key, or the id of its subject alone. */
  readonly key?: string | undefined;
}

/** A key: where a page of parked keys begins. */
export type ParkedAfter = readonly [group: string, topic: string, key: string];

/** Errors that differ only in the ids that they name are counted as one. */
const MASKED = `regexp_replace(h.error, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<id>', 'gi')`;

/** The heads of the queues that match $1-$5, found by one probe per parked key. */
const chosenHeads = (s: string): string => `
  with recursive head as (
    (select p.* from ${s}.parked_event p order by p.consumer_group, p.topic, p.key, p.sequence, p.id limit 1)
    union all
    (select n.* from head h cross join lateral (
      select p.* from ${s}.parked_event p where (p.consumer_group, p.topic, p.key) > (h.consumer_group, h.topic, h.key)
      order by p.consumer_group, p.topic, p.key, p.sequence, p.id limit 1) n)
  ), chosen as (
    select h.*, ${MASKED} as masked,
      (select count(*)::int from ${s}.parked_event p
       where p.consumer_group = h.consumer_group and p.topic = h.topic and p.key = h.key) as length
    from head h
    where ($1::text is null or h.consumer_group = $1) and ($2::text is null or h.topic = $2)
      and ($3::text is null or starts_with(h.key, $3 || ':'))
      and ($4::text is null or strpos(lower(h.error), lower($4)) > 0 or strpos(lower(${MASKED}), lower($4)) > 0)
      and ($5::text is null or h.key = $5 or right(h.key, length($5) + 1) = ':' || $5)
  )`;

const values = ({ group, topic, tenant, error, key }: ParkedFilters): unknown[] =>
  [group, topic, tenant, error, key].map((value) => value ?? null);

export const parkedQueues = (
  db: Queryable,
  schema: string,
  filters: ParkedFilters,
  page: { readonly after?: ParkedAfter | undefined; readonly limit: number | null } = { limit: null },
): Promise<ParkedQueue[]> =>
  db.query(
    `${chosenHeads(identifier(schema))}
     select * from chosen where $6::text is null or (consumer_group, topic, key) > ($6, $7, $8)
     order by consumer_group, topic, key limit $9`,
    [...values(filters), ...(page.after ?? [null, null, null]), page.limit],
  );

export interface ParkedErrorCount {
  readonly group: string;
  readonly topic: string;
  readonly error: string | null;
  readonly keys: number;
  readonly deadKeys: number;
  readonly events: number;
  readonly since: Date;
}

export const parkedErrors = (db: Queryable, schema: string, filters: ParkedFilters): Promise<ParkedErrorCount[]> =>
  db.query(
    `${chosenHeads(identifier(schema))}
     select consumer_group as "group", topic, masked as error, count(*)::int as keys,
       count(*) filter (where state = 'dead')::int as "deadKeys", sum(length)::int as events, min(parked_at) as since
     from chosen group by 1, 2, 3 order by keys desc, 1, 2, 3`,
    values(filters),
  );

/**
 * Makes the matching heads due at once and gives them all their attempts back. A key that a drainer works on at this
 * moment is left out: its head is locked, and it is being retried anyway.
 */
export async function retryMatching(
  db: Queryable,
  schema: string,
  filters: ParkedFilters,
): Promise<{ keys: number; unreadable: number }> {
  const s = identifier(schema);
  const [row] = await db.query<{ keys: number; unreadable: number }>(
    `${chosenHeads(s)}, free as (
       select id from ${s}.parked_event where id in (select id from chosen where event is not null) for update skip locked
     ), due as (
       update ${s}.parked_event p set state = 'waiting', attempts = 0, next_at = clock_timestamp() from free
       where p.id = free.id returning 1
     )
     select (select count(*)::int from due) as keys, (select count(*)::int from chosen where event is null) as unreadable`,
    values(filters),
  );
  return row ?? { keys: 0, unreadable: 0 };
}

export interface InboxRow {
  readonly topic: string;
  readonly key: string;
  readonly sequence: string;
  readonly handled_at: Date;
}

export const inboxOf = (
  db: Queryable,
  { group, schema, topics }: GroupState,
  keys: readonly string[],
): Promise<InboxRow[]> =>
  db.query(
    `select topic, key, sequence, handled_at from ${identifier(schema)}.inbox
     where consumer_group = $1 and topic = any($2) and key = any($3) order by topic, key`,
    [group, topics, keys],
  );
