/** What the command line changes: retry, skip, replay. All of it through the parked queues, so order is kept. */
import type { Topic } from '#events';
import type { Database, Tx } from '#platform';
import { lockQueue, park, unpark, type ParkedRow } from '../parking.sql.js';
import type { Delivery } from '../record.js';
import type { GroupState } from './inspect.sql.js';
import type { EventSource, Wanted } from './source.js';

/** A refusal that tells the operator what to do. */
export class EventsError extends Error {}

const BUSY_TRIES = 50;

/** Runs `work` with the key's queue locked against the drainers. */
async function withQueue<T>(
  database: Database,
  group: GroupState,
  head: ParkedRow,
  work: (tx: Tx, first: ParkedRow) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; attempt <= BUSY_TRIES; attempt++) {
    const result = await database.tx(async (tx) => {
      const [first] = await lockQueue(tx, group.schema, head, 1);
      return first ? { done: await work(tx, first) } : undefined;
    });
    if (result) return result.done;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new EventsError(`The key ${head.key} is being worked on, or no longer parked. Look again with "parked".`);
}

/** Makes the first event of the queue due now, with all its attempts before it. */
export const retry = (database: Database, group: GroupState, head: ParkedRow): Promise<ParkedRow> =>
  withQueue(database, group, head, async (tx, first) => {
    if (!first.event)
      throw new EventsError(
        `The first record of ${first.key} cannot be read as an event (${first.error ?? ''}), so no retry can help. "skip" moves it out of the way and keeps its bytes in ${group.schema}.skipped_event.`,
      );
    await tx.query(
      `update ${group.schema}.parked_event set state = 'waiting', attempts = 0, next_at = clock_timestamp() where id = $1`,
      [first.id],
    );
    return first;
  });

/** Takes the first event out of the queue, for ever; it is kept in `skipped_event` with who did it. */
export const skip = (database: Database, group: GroupState, head: ParkedRow, by: string): Promise<ParkedRow> =>
  withQueue(database, group, head, async (tx, first) => {
    const columns =
      'id, consumer_group, topic, partition, position, key, sequence, event, raw, state, attempts, error, next_at, parked_at';
    await tx.query(
      `insert into ${group.schema}.skipped_event (${columns}, skipped_by) select ${columns}, $2 from ${group.schema}.parked_event where id = $1`,
      [first.id, by],
    );
    await unpark(tx, group.schema, [first.id]);
    await tx.query(
      `update ${group.schema}.parked_event set next_at = clock_timestamp() where consumer_group = $1 and topic = $2 and key = $3 and state = 'waiting'`,
      [first.consumer_group, first.topic, first.key],
    );
    return first;
  });

/**
 * Delivers once more what the group has already consumed: the events are put into the parked queues of their keys, in
 * order, before whatever waits there. Consumers keep running; new events of a key queue behind its replay.
 */
export async function replay(
  database: Database,
  source: EventSource,
  group: GroupState,
  wanted: Wanted,
): Promise<number> {
  let queued = 0;
  await source.read(wanted, async (deliveries) => {
    queued += await database.tx((tx) => queue(tx, group, wanted.topic, deliveries));
  });
  return queued;
}

/**
 * Locks the inbox rows of the page's keys, in key order as the gate does: a consumer that is taking in the next event
 * of such a key either has committed before, or waits and then finds its key parked.
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
  const waiting = await tx.query<{ key: string; sequence: string }>(
    `select key, sequence from ${schema}.parked_event where consumer_group = $1 and topic = $2 and key = any($3)`,
    [group, topic, keys],
  );
  const reached = new Map(consumed.map((c) => [c.key, Number(c.sequence)]));
  const taken = new Set(waiting.map((w) => `${w.key} ${w.sequence}`));
  const rows = deliveries.flatMap(({ event, partition, position }) => {
    // What the group has not consumed yet will come by itself; what waits already, or was published twice, comes once.
    if (!event || event.sequence > (reached.get(event.key) ?? 0) || taken.has(`${event.key} ${event.sequence}`))
      return [];
    taken.add(`${event.key} ${event.sequence}`);
    return [
      {
        partition,
        position,
        key: event.key,
        sequence: event.sequence,
        event,
        raw: null,
        state: 'waiting' as const,
        attempts: 0,
        error: null,
        retryInMs: 0,
      },
    ];
  });
  await park(tx, schema, group, topic, rows);
  return rows.length;
}
