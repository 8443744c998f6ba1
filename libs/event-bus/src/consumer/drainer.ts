/**
 * Retries parked keys, each in order, with growing pauses. A dead event, and the events behind it, wait for an
 * administrator. A process retries one key at a time, so that retries do not use the connections that new events need.
 * Only one process at a time retries a key.
 */
import type { Tx } from '#platform';
import { Loop } from '#worker';
import type { GroupConsumer } from './group-consumer.js';
import { inTurn } from './tenant-shares.js';
import { heads, lockQueue, reschedule, unpark, type ParkedRow } from './parking.sql.js';

const POLL_MS = 250;
const BATCH = 100;
const ROUND_MS = 1_000;

export class Drainer {
  private readonly loop: Loop;
  private stopping = false;

  constructor(private readonly consumer: GroupConsumer) {
    const { group, logger } = consumer.options;
    this.loop = new Loop(`parked events of ${group}`, POLL_MS, logger, () => this.drainOnce());
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    this.stopping = true;
    return this.loop.stop();
  }

  /** Retries the keys that are due, tenants in turn. Resolves with true if more may be due at once. */
  private async drainOnce(): Promise<boolean> {
    const { database, schema, group } = this.consumer.options;
    const queues = await heads(database, schema, group);
    const now = Date.now();
    let more = false;
    const due = queues.filter((head) => head.state !== 'dead' && head.next_at.getTime() <= now);
    for (const head of inTurn(due)) {
      if (this.stopping) return false;
      // Begin again with all tenants, so that keys that became due meanwhile do not wait for a tenant with many keys.
      if (Date.now() - now > ROUND_MS) return true;
      if (await database.tx((tx) => this.drainKey(tx, head))) more = true;
    }
    return more;
  }

  /** Handles events of the key until one fails, the batch is full, or none is left. */
  private async drainKey(tx: Tx, head: ParkedRow): Promise<boolean> {
    const { schema, maxAttempts, metrics, group } = this.consumer.options;
    const queue = await lockQueue(tx, schema, group, head.topic, head.key, BATCH);
    const handled: string[] = [];
    for (const row of queue) {
      // Check again: another process may have retried or skipped the first event, or marked it as dead. A later event
      // may be dead too.
      if (row.state === 'dead' || !row.event || (row === queue[0] && row.next_at.getTime() > Date.now())) break;
      const attempts = row.attempts + 1;
      const error = await this.consumer.attempt(tx, row.topic, row, row.event, attempts);
      if (error) {
        const parked = this.consumer.afterFailure(row.topic, row.event, error, Math.min(attempts, maxAttempts));
        await reschedule(tx, schema, row.id, parked.state, parked.attempts, parked.error, parked.retryInMs);
        break;
      }
      handled.push(row.id);
    }
    if (handled.length > 0) await unpark(tx, schema, handled);
    tx.afterCommit(() => metrics.events.inc({ group, topic: head.topic, outcome: 'handled' }, handled.length));
    return queue.length > 0;
  }
}
