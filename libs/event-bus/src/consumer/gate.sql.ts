/**
 * The version gate: finds the new events of a batch. One inbox row per key stores the highest handled sequence number,
 * so repeated and older events are dropped.
 */
import type { EventEnvelope } from '#events';
import type { Tx } from '#platform';
import { identifier } from '../schema.sql.js';

/**
 * Sets the inbox row of each key to the highest sequence number in the batch, and returns the previous number. Keys
 * that have only repeated or older events are not in the result, and neither are the keys of erased tenants.
 *
 * Locks the inbox row of every key of the batch, in key order, until the transaction ends. A consumer that has lost its
 * partition without noticing then waits for the new owner and sees its result, because `on conflict do update` reads
 * the newest committed row.
 */
const gateSql = (schema: string): string => `
  insert into ${identifier(schema)}.inbox as i (consumer_group, topic, key, sequence, event_id)
  select $1, $2, e.key, e.sequence, e.event_id
  from unnest($3::text[], $4::bigint[], $5::uuid[], $6::uuid[]) as e(key, sequence, event_id, tenant)
  where not exists (select 1 from ${schema}.erased_tenant x where x.tenant = e.tenant) order by e.key
  on conflict (consumer_group, topic, key) do update
    set sequence = excluded.sequence, event_id = excluded.event_id, handled_at = clock_timestamp()
    where i.sequence < excluded.sequence
  returning i.key, old.sequence as previous,
    ${waits(schema, 'parked_event')} as parked, ${waits(schema, 'deferred_event')} as deferred,
    old.sequence is distinct from (
      select s.sequence from ${schema}.inbox s where s.consumer_group = $1 and s.topic = $2 and s.key = i.key) as waited`;

const waits = (schema: string, table: 'parked_event' | 'deferred_event'): string =>
  `exists (select 1 from ${schema}.${table} p where p.consumer_group = $1 and p.topic = $2 and p.key = i.key)`;

/**
 * Reads again which keys have parked or deferred events. Needed for keys whose inbox row was locked by a former owner
 * of the partition: the first statement cannot see the events that this owner parked or deferred before its commit.
 */
const waitingSql = (schema: string): string => `
  select i.key, ${waits(schema, 'parked_event')} as parked, ${waits(schema, 'deferred_event')} as deferred
  from unnest($3::text[]) as i(key)`;

interface Waiting {
  readonly key: string;
  readonly parked: boolean;
  readonly deferred: boolean;
}

export interface Gate {
  /** The events to handle or park. Each has a higher sequence number than all earlier events of its key. */
  readonly passed: ReadonlySet<EventEnvelope>;
  /** For each key of `passed`, the highest sequence number that the group had handled before this batch. */
  readonly previous: ReadonlyMap<string, number>;
  readonly parked: ReadonlySet<string>;
  readonly deferred: ReadonlySet<string>;
}

export async function passGate(
  tx: Tx,
  schema: string,
  group: string,
  topic: string,
  events: readonly EventEnvelope[],
): Promise<Gate> {
  const highest = new Map<string, EventEnvelope>();
  for (const event of events) {
    const known = highest.get(event.key);
    if (!known || known.sequence < event.sequence) highest.set(event.key, event);
  }
  if (highest.size === 0) return { passed: new Set(), previous: new Map(), parked: new Set(), deferred: new Set() };
  const last = [...highest.values()];
  const rows = await tx.query<Waiting & { previous: string | null; waited: boolean }>({
    name: `gate:${schema}`,
    text: gateSql(schema),
    values: [
      group,
      topic,
      last.map((e) => e.key),
      last.map((e) => e.sequence),
      last.map((e) => e.id),
      last.map((e) => e.tenant),
    ],
  });
  const previous = new Map(rows.map((row) => [row.key, Number(row.previous ?? 0)]));
  const late = rows.filter((row) => row.waited).map((row) => row.key);
  const reread = late.length > 0 ? await tx.query<Waiting>(waitingSql(schema), [group, topic, late]) : [];
  const waiting = [...rows.filter((row) => !row.waited), ...reread];
  const keysThat = (wait: 'parked' | 'deferred') => new Set(waiting.filter((row) => row[wait]).map((row) => row.key));
  return {
    passed: above(events, new Map(previous)),
    previous,
    parked: keysThat('parked'),
    deferred: keysThat('deferred'),
  };
}

function above(events: readonly EventEnvelope[], reached: Map<string, number>): Set<EventEnvelope> {
  const passed = new Set<EventEnvelope>();
  for (const event of events) {
    const before = reached.get(event.key);
    if (before === undefined || event.sequence <= before) continue;
    passed.add(event);
    reached.set(event.key, event.sequence);
  }
  return passed;
}
