/**
 * Retry, skip and replay, as an administrator requests them. All of them work on the queues of parked events, so the
 * order per key is preserved.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ParkedKey } from '#contracts';
import type { Topic } from '#events';
import { Problem, type Database, type Tx } from '#platform';
import { takeDeferred, type NewDeferred } from '../consumer/deferred.sql.js';
import { lockQueue, park, unpark, type NewParked, type ParkedRow } from '../consumer/parking.sql.js';
import type { Delivery } from '../record.js';
import type { EventSource, ReadRange } from '../source.js';
import type { GroupState } from './inspect.sql.js';

type QueueName = Pick<ParkedKey, 'group' | 'topic' | 'key'>;

const BUSY_TRIES = 50;
const BUSY_PAUSE_MS = 100;

/** Locks the parked queue of a key, so that no other process retries its events meanwhile, and runs `work`. */
async function withQueue<T>(
  database: Database,
  schema: string,
  { group, topic, key }: QueueName,
  work: (tx: Tx, first: ParkedRow) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; attempt <= BUSY_TRIES; attempt++) {
    const result = await database.tx(async (tx) => {
      const [first] = await lockQueue(tx, schema, group, topic, key, 1);
      return first ? { done: await work(tx, first) } : undefined;
    });
    if (result) return result.done;
    await sleep(BUSY_PAUSE_MS);
  }
  throw new Problem(
    'key_busy',
    `The events of ${key} are being handled at this moment, or are no longer parked. Look again in a few seconds.`,
    undefined,
    { group, key },
  );
}

/** Makes the first event of the queue due at once and resets its number of attempts. */
export const retry = (database: Database, schema: string, name: QueueName): Promise<ParkedRow> =>
  withQueue(database, schema, name, async (tx, first) => {
    if (!first.event)
      throw new Problem(
        'event_unreadable',
        `The first record of ${first.key} cannot be read as an event (${first.error ?? ''}), so a retry cannot succeed. Skip the record; its bytes are kept in ${schema}.skipped_event.`,
        undefined,
        { group: first.consumer_group, key: first.key, error: first.error, table: `${schema}.skipped_event` },
      );
    await tx.query(
      `update ${schema}.parked_event set state = 'waiting', attempts = 0, next_at = clock_timestamp() where id = $1`,
      [first.id],
    );
    return first;
  });

/** Moves the first event of the queue to `skipped_event`, with the name of the person who skipped it. */
export const skip = (database: Database, schema: string, name: QueueName, by: string): Promise<ParkedRow> =>
  withQueue(database, schema, name, async (tx, first) => {
    const columns =
      'id, consumer_group, topic, partition, position, key, sequence, event, raw, state, attempts, error, next_at, parked_at';
    await tx.query(
      `insert into ${schema}.skipped_event (${columns}, skipped_by) select ${columns}, $2 from ${schema}.parked_event where id = $1`,
      [first.id, by],
    );
    await unpark(tx, schema, [first.id]);
    await tx.query(
      `update ${schema}.parked_event set next_at = clock_timestamp() where consumer_group = $1 and topic = $2 and key = $3 and state = 'waiting'`,
      [first.consumer_group, first.topic, first.key],
    );
    return first;
  });

/**
 * Delivers events again to a group that has already consumed them. The events are put into the parked queues of their
 * keys, in order, before the events that already wait there. Consumers keep running; new events of a key wait behind
 * its replayed events.
 */
export async function replay(
  database: Database,
  source: EventSource,
  group: GroupState,
  range: ReadRange,
): Promise<number> {
  let queued = 0;
  await source.read(range, async (deliveries) => {
    queued += await database.tx((tx) => queue(tx, group, range.topic, deliveries));
  });
  return queued;
}

/**
 * Queues one page of events for replay. First locks the inbox rows of their keys, in key order, as consumers do. While
 * the rows are locked, a consumer of such a key has to wait. When it continues, it finds the key parked. Deferred events
 * of these keys are parked too, behind the replayed ones.
 */
async function queue(
  tx: Tx,
  { group, schema }: GroupState,
  topic: Topic,
  deliveries: readonly Delivery[],
): Promise<number> {
  const keys = [...new Set(deliveries.flatMap((d) => d.event?.key ?? []))];
  const consumed = await tx.query<{ key: string; sequence: string }>(
    `select key, sequence from ${schema}.inbox where consumer_group = $1 and topic = $2 and key = any($3) order by key for update`,
    [group, topic, keys],
  );
  const deferred = await takeDeferred(tx, schema, group, topic, keys);
  await park(tx, schema, group, topic, deferred.map(waitingRow));
  const waiting = await tx.query<{ key: string; sequence: string }>(
    `select key, sequence from ${schema}.parked_event where consumer_group = $1 and topic = $2 and key = any($3)`,
    [group, topic, keys],
  );
  const reached = new Map(consumed.map((c) => [c.key, Number(c.sequence)]));
  const taken = new Set(waiting.map((w) => `${w.key} ${w.sequence}`));
  const rows = deliveries.flatMap(({ event, partition, position }) => {
    // Leave out the events that the group has not consumed yet, because the carrier still delivers them. Leave out the
    // events that are already parked, so that they are queued only once.
    if (!event || event.sequence > (reached.get(event.key) ?? 0) || taken.has(`${event.key} ${event.sequence}`))
      return [];
    taken.add(`${event.key} ${event.sequence}`);
    return [waitingRow({ partition, position, event })];
  });
  await park(tx, schema, group, topic, rows);
  return rows.length;
}

const waitingRow = ({ partition, position, event }: NewDeferred): NewParked => ({
  partition,
  position,
  key: event.key,
  sequence: event.sequence,
  event,
  raw: null,
  state: 'waiting',
  attempts: 0,
  error: null,
  retryInMs: 0,
});
