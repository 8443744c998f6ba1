/**
 * The version gate: finds the new events of a batch. One inbox row per key stores the highest handled sequence number,
 * so repeated and older events are dropped.
 */
import type { EventEnvelope } from '#events';
import type { Tx } from '#platform';
import { identifier } from '../schema.sql.js';

/**
 * Sets the inbox row of each key to the highest sequence number in the batch, and returns the previous number. Keys
 * that have only repeated or older events are not in the result.
 *
 * Locks the inbox row of every key of the batch, in key order, until the transaction ends. A consumer that has lost its
 * partition without noticing then waits for the new owner and sees its result, because `on conflict do update` reads
 * the newest committed row.
 */
const gateSql = (schema: string): string => `
  insert into ${identifier(schema)}.inbox as i (consumer_group, topic, key, sequence, event_id)
  select $1, $2, e.key, e.sequence, e.event_id
  from unnest($3::text[], $4::bigint[], $5::uuid[]) as e(key, sequence, event_id) order by e.key
  on conflict (consumer_group, topic, key) do update
    set sequence = excluded.sequence, event_id = excluded.event_id, handled_at = clock_timestamp()
    where i.sequence < excluded.sequence
  returning i.key, old.sequence as previous, exists (
    select 1 from ${identifier(schema)}.parked_event p where p.consumer_group = $1 and p.topic = $2 and p.key = i.key) as parked`;

export interface Gate {
  /** The events to handle or park. Each has a higher sequence number than all earlier events of its key. */
  readonly passed: ReadonlySet<EventEnvelope>;
  /** For each key of `passed`, the highest sequence number that the group had handled before this batch. */
  readonly previous: ReadonlyMap<string, number>;
  readonly parked: ReadonlySet<string>;
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
  if (highest.size === 0) return { passed: new Set(), previous: new Map(), parked: new Set() };
  const last = [...highest.values()];
  const rows = await tx.query<{ key: string; previous: string | null; parked: boolean }>({
    name: `gate:${schema}`,
    text: gateSql(schema),
    values: [group, topic, last.map((e) => e.key), last.map((e) => e.sequence), last.map((e) => e.id)],
  });
  const previous = new Map(rows.map((row) => [row.key, Number(row.previous ?? 0)]));
  return {
    passed: above(events, new Map(previous)),
    previous,
    parked: new Set(rows.filter((row) => row.parked).map((row) => row.key)),
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
