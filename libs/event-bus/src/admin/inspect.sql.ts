import type { HandledKey, ParkedError, ParkedFilter, ParkedKey } from '#contracts';
import type { Queryable } from '#platform';
import { outboxBacklog, type OutboxBacklog } from '../producer/metrics.js';
import { identifier } from '../schema.sql.js';

export interface GroupState {
  readonly group: string;
  readonly schema: string;
  readonly topics: readonly string[];
}

const iso = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Returns undefined if the schema has no outbox. */
export const outboxOf = async (db: Queryable, schema: string): Promise<OutboxBacklog | undefined> =>
  (await tableExists(db, schema, 'outbox')) ? outboxBacklog(db, schema) : undefined;

/** Finds the pairs of group and topic with a loose index scan of the inbox: one index probe per pair. */
export async function groupsOf(db: Queryable, schema: string): Promise<GroupState[]> {
  if (!(await tableExists(db, schema, 'parked_event'))) return [];
  const groups = await db.query<{ group: string; topics: string[] }>(
    `with recursive seen as (
       (select consumer_group as g, topic as t from ${schema}.inbox order by 1, 2 limit 1)
       union all
       (select n.g, n.t from seen s cross join lateral (
         select i.consumer_group as g, i.topic as t from ${schema}.inbox i
         where (i.consumer_group, i.topic) > (s.g, s.t) order by 1, 2 limit 1) n)
     ), pairs as (
       select g, t from seen union select consumer_group, topic from ${schema}.consumer_offset
       union select distinct consumer_group, topic from ${schema}.parked_event
     )
     select g as "group", array_agg(t order by t) as topics from pairs group by g order by g`,
  );
  return groups.map(({ group, topics }) => ({ group, schema, topics }));
}

async function tableExists(db: Queryable, schema: string, table: string): Promise<boolean> {
  const [row] = await db.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    `${identifier(schema)}.${table}`,
  ]);
  return row?.exists ?? false;
}

/** Reads, for each key, the last event that the group has handled or parked. */
export const handledKeys = (db: Queryable, group: GroupState, keys: readonly string[]): Promise<HandledKey[]> =>
  db.query(
    `select consumer_group as "group", topic, key, sequence::float8, ${iso('handled_at')} as at
     from ${identifier(group.schema)}.inbox
     where consumer_group = $1 and topic = any($2) and key = any($3) order by topic, key`,
    [group.group, group.topics, keys],
  );

/** `key` is the whole key, or only its subject. */
export type ParkedMatch = ParkedFilter & { readonly key?: string };

export type ParkedAfter = readonly [group: string, topic: string, key: string];

/** Replaces ids in errors, so that errors with different ids are counted together. */
const MASKED = `regexp_replace(h.error, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '<id>', 'gi')`;

/** Selects the first events of the queues that match $1-$5, with one index probe per parked key. */
const chosenHeads = (schema: string): string => {
  const parked = `${identifier(schema)}.parked_event`;
  return `
  with recursive head as (
    (select p.* from ${parked} p order by p.consumer_group, p.topic, p.key, p.sequence, p.id limit 1)
    union all
    (select n.* from head h cross join lateral (
      select p.* from ${parked} p where (p.consumer_group, p.topic, p.key) > (h.consumer_group, h.topic, h.key)
      order by p.consumer_group, p.topic, p.key, p.sequence, p.id limit 1) n)
  ), chosen as (
    select h.*, ${MASKED} as masked, (select count(*)::int from ${parked} p
      where p.consumer_group = h.consumer_group and p.topic = h.topic and p.key = h.key) as length
    from head h
    where ($1::text is null or h.consumer_group = $1) and ($2::text is null or h.topic = $2)
      and ($3::text is null or starts_with(h.key, $3 || ':'))
      and ($4::text is null or strpos(lower(h.error), lower($4)) > 0 or strpos(lower(${MASKED}), lower($4)) > 0)
      and ($5::text is null or h.key = $5 or right(h.key, length($5) + 1) = ':' || $5)
  )`;
};

const values = ({ group, topic, tenant, error, key }: ParkedMatch): unknown[] =>
  [group, topic, tenant, error, key].map((value) => value ?? null);

export const parkedKeys = (
  db: Queryable,
  schema: string,
  match: ParkedMatch,
  page: { readonly after?: ParkedAfter | undefined; readonly limit: number | null } = { limit: null },
): Promise<ParkedKey[]> =>
  db.query(
    `${chosenHeads(schema)}
     select consumer_group as "group", topic, key, sequence::float8, event ->> 'type' as type, state, attempts, error,
       length as events, case when state = 'waiting' then ${iso('next_at')} end as "nextAttempt", ${iso('parked_at')} as "parkedAt"
     from chosen where $6::text is null or (consumer_group, topic, key) > ($6, $7, $8)
     order by consumer_group, topic, key limit $9`,
    [...values(match), ...(page.after ?? [null, null, null]), page.limit],
  );

export const parkedErrors = (db: Queryable, schema: string, match: ParkedMatch): Promise<ParkedError[]> =>
  db.query(
    `${chosenHeads(schema)}
     select consumer_group as "group", topic, masked as error, count(*)::int as keys,
       count(*) filter (where state = 'dead')::int as "deadKeys", sum(length)::int as events, ${iso('min(parked_at)')} as since
     from chosen group by 1, 2, 3 order by keys desc, 1, 2, 3`,
    values(match),
  );

/**
 * Makes the matching first events due at once and resets their numbers of attempts. Skips locked rows, because another
 * process is retrying these keys already.
 */
export async function retryMatching(
  db: Queryable,
  schema: string,
  match: ParkedMatch,
): Promise<{ keys: number; unreadable: number }> {
  const parked = `${identifier(schema)}.parked_event`;
  const [row] = await db.query<{ keys: number; unreadable: number }>(
    `${chosenHeads(schema)}, free as (
       select id from ${parked} where id in (select id from chosen where event is not null) for update skip locked
     ), due as (
       update ${parked} p set state = 'waiting', attempts = 0, next_at = clock_timestamp() from free
       where p.id = free.id returning 1
     )
     select (select count(*)::int from due) as keys, (select count(*)::int from chosen where event is null) as unreadable`,
    values(match),
  );
  return row ?? { keys: 0, unreadable: 0 };
}
