/**
 * Replays parked keys, each in order, with backoff. What is dead is left for an administrator, and so is everything
 * behind it. One process at a time works on a key, and a process on one key at a time: replays must not take the pool's
 * connections from what is new. A key that is not due holds nobody up; one that is, does while its events are handled.
 */
import { isDatabaseOutage, type Tx } from '#platform';
import type { GroupConsumer } from './consumer.js';
import { heads, lockQueue, reschedule, unpark, type ParkedRow } from './parking.sql.js';
import { sleep, Waiter } from './session.js';

const LOOK_EVERY_MS = 250;
/** Events of one key per transaction. */
const CHUNK = 100;
const IDLE_AFTER_ERROR_MS = 1_000;

export class Drainer {
  private running: Promise<void> | undefined;
  private stopping = false;
  private readonly waiter = new Waiter();

  constructor(private readonly consumer: GroupConsumer) {}

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.waiter.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.drainOnce();
        await this.waiter.wait(LOOK_EVERY_MS);
      } catch (error) {
        const { logger, group } = this.consumer.options;
        logger.warn(
          { err: error, group, code: isDatabaseOutage(error) ? 'database_unavailable' : 'drainer_failed' },
          'parked events have to wait',
        );
        await sleep(IDLE_AFTER_ERROR_MS);
      }
    }
  }

  /** One round: every key whose head is due. */
  async drainOnce(): Promise<void> {
    const { database, schema, group } = this.consumer.options;
    const queues = await heads(database, schema, group);
    const now = Date.now();
    for (const head of queues) {
      if (head.state === 'dead' || head.next_at.getTime() > now) continue;
      while (!this.stopping && (await database.tx((tx) => this.drainKey(tx, head))) === 'more');
    }
  }

  /** Handles events of the key until one fails, the chunk is full, or none is left. */
  private async drainKey(tx: Tx, head: ParkedRow): Promise<'more' | 'done'> {
    const { schema, maxAttempts, metrics, group } = this.consumer.options;
    const queue = await lockQueue(tx, schema, head, CHUNK);
    const handled: string[] = [];
    for (const row of queue) {
      // The head may have been retried, skipped or declared dead since it was read; a later one may never be due.
      if (row.state === 'dead' || !row.event || (row === queue[0] && row.next_at.getTime() > Date.now())) break;
      const attempts = row.attempts + 1;
      const error = await this.consumer.attempt(tx, row.topic, row, row.event, attempts);
      if (error) {
        const verdict = this.consumer.verdict(row.topic, row.event, error, Math.min(attempts, maxAttempts));
        await reschedule(tx, schema, row.id, verdict.state, verdict.attempts, verdict.error, verdict.retryInMs);
        break;
      }
      handled.push(row.id);
    }
    if (handled.length > 0) await unpark(tx, schema, handled);
    tx.afterCommit(() => metrics.events.inc({ group, topic: head.topic, outcome: 'handled' }, handled.length));
    return handled.length === CHUNK ? 'more' : 'done';
  }
}
