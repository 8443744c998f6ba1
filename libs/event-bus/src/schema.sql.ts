/** SQL that creates the tables of the event bus. All statements are idempotent. */
import { compactedTopics, eventSource, owners } from '#events';
import { PARTITIONS } from './record.js';

/** Throws if `name` is not a plain SQL identifier. This prevents SQL injection through schema names. */
export function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`not a plain SQL identifier: ${name}`);
  return name;
}

const EVENT_COLUMNS = `
  topic text not null,
  key text not null,
  type text not null,
  source text not null,
  subject text not null,
  tenant uuid not null,
  sequence bigint not null,
  time timestamptz not null,
  causation_id text not null,
  traceparent text,
  data jsonb not null`;

/**
 * Creates the shared event log of the Postgres carrier; provisioning runs it as administrator. `roles` contains the
 * database role of each service. A role may read the log, and append events of the topics that its service owns. Only a
 * security definer function deletes events.
 */
export function eventLogSql(roles: Readonly<Record<string, string>>): string[] {
  const names = Object.values(roles).map(identifier).join(', ');
  return [
    'create schema if not exists bus',
    `create table if not exists bus.event_log (
       position bigint generated always as identity,
       partition smallint not null check (partition between 0 and ${PARTITIONS - 1}),
       event_id uuid not null,${EVENT_COLUMNS},
       published_at timestamptz not null default clock_timestamp(),
       primary key (topic, partition, position)
     )`,
    // Index for replay and inspection by key, and for compaction, which looks for a later event of a key.
    'create index if not exists event_log_key on bus.event_log (topic, key, position)',
    TRIM_FUNCTION,
    'revoke all on function bus.trim_event_log(text, int, bigint, timestamptz, int) from public',
    POLICIES_SQL,
    ...(names === ''
      ? []
      : [
          `grant usage on schema bus to ${names}`,
          `grant select on bus.event_log to ${names}`,
          `grant execute on function bus.trim_event_log(text, int, bigint, timestamptz, int) to ${names}`,
        ]),
    ...Object.entries(roles).flatMap(([service, role]) => publisherSql(service, identifier(role))),
  ];
}

/** Row-level security refuses every row for which no policy exists. Grants alone decide who may read. */
const POLICIES_SQL = `
  alter table bus.event_log enable row level security;
  drop policy if exists readers on bus.event_log;
  create policy readers on bus.event_log for select using (true)`;

/**
 * Lets a role append events of its service. It cannot choose positions and times of publication, because a far position
 * would hide all later events of the partition.
 */
function publisherSql(service: string, role: string): string[] {
  const topics = Object.entries(owners).flatMap(([topic, owner]) => (owner === service ? [`'${topic}'`] : []));
  if (topics.length === 0) return [];
  return [
    `grant insert (partition, event_id, ${PUBLISHED_COLUMNS}) on bus.event_log to ${role}`,
    `drop policy if exists ${role} on bus.event_log;
     create policy ${role} on bus.event_log for insert to ${role}
       with check (topic in (${topics.join(', ')}) and source = '${eventSource(service)}')`,
  ];
}

const PUBLISHED_COLUMNS = 'topic, key, type, source, subject, tenant, sequence, time, causation_id, traceparent, data';

/**
 * Reads at most `batch` events of one partition and deletes the events older than `before`. In a compacted topic it
 * deletes an old event only if there is a later event of the same key. It never deletes events younger than a day, so
 * that a role that may call it cannot empty the log. Returns the position up to which it read, or null at the end.
 */
const TRIM_FUNCTION = `
create or replace function bus.trim_event_log(of_topic text, of_partition int, after bigint, before timestamptz, batch int)
returns table (reached bigint, deleted bigint) language sql security definer set search_path = pg_catalog as $$
  with seen as (
    select l.position, l.key, l.published_at from bus.event_log l
    where l.topic = of_topic and l.partition = of_partition and l.position > after
    order by l.position limit batch
  ), doomed as (
    delete from bus.event_log d using seen s
    where d.topic = of_topic and d.partition = of_partition and d.position = s.position
      and s.published_at < least(before, now() - interval '1 day')
      and (not of_topic = any (array[${compactedTopics.map((t) => `'${t}'`).join(', ')}]) or exists (
        select 1 from bus.event_log n where n.topic = of_topic and n.key = s.key and n.position > s.position))
    returning 1
  )
  select case when bool_and(s.published_at < before) then max(s.position) end, (select count(*) from doomed) from seen s
$$`;

/** Lanes of an outbox. Events that open or close access are urgent and are published before all others. */
export const URGENT = 0;
export const OTHER = 1;

export function producerTablesSql(schema: string): string {
  const s = identifier(schema);
  return `
    create table if not exists ${s}.outbox (
      id bigserial,
      event_id uuid not null default uuidv7(),${EVENT_COLUMNS},
      lane smallint not null default ${OTHER} check (lane in (${URGENT}, ${OTHER})),
      created_at timestamptz not null default clock_timestamp(),
      primary key (lane, tenant, id)
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0)`;
}

export function consumerTablesSql(schema: string): string {
  const s = identifier(schema);
  return `
    create table if not exists ${s}.inbox (
      consumer_group text not null,
      topic text not null,
      key text not null,
      sequence bigint not null,
      event_id uuid not null,
      handled_at timestamptz not null default clock_timestamp(),
      primary key (consumer_group, topic, key)
    ) with (fillfactor = 70);
    create table if not exists ${s}.consumer_offset (
      consumer_group text not null,
      topic text not null,
      partition smallint not null,
      position bigint not null,
      primary key (consumer_group, topic, partition)
    ) with (fillfactor = 50);
    create table if not exists ${s}.parked_event (
      id bigint generated always as identity primary key,
      consumer_group text not null,
      topic text not null,
      partition smallint not null,
      position bigint not null,
      key text not null,
      sequence bigint not null,
      event jsonb,
      raw bytea,
      state text not null default 'waiting' check (state in ('waiting', 'dead')),
      attempts int not null default 0,
      error text,
      next_at timestamptz not null default clock_timestamp(),
      parked_at timestamptz not null default clock_timestamp(),
      check ((event is null) <> (raw is null))
    );
    create index if not exists parked_event_queue on ${s}.parked_event (consumer_group, topic, key, sequence, id);
    create unique index if not exists parked_event_raw on ${s}.parked_event (consumer_group, topic, partition, position) where event is null;
    create table if not exists ${s}.deferred_event (
      id bigint generated always as identity,
      consumer_group text not null,
      tenant uuid not null,
      topic text not null,
      partition smallint not null,
      position bigint not null,
      key text not null,
      sequence bigint not null,
      event jsonb not null,
      primary key (consumer_group, tenant, topic, partition, id)
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
    create index if not exists deferred_event_key on ${s}.deferred_event (consumer_group, topic, key);
    create table if not exists ${s}.skipped_event (
      like ${s}.parked_event,
      skipped_at timestamptz not null default clock_timestamp(),
      skipped_by text not null
    );
    -- Consumers drop the events of these tenants, so that no late event stores anything about them again.
    create table if not exists ${s}.erased_tenant (
      tenant uuid primary key,
      erased_at timestamptz not null default clock_timestamp()
    )`;
}
