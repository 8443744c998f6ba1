/**
 * Handles deferred events, tenants in turn. Each transaction handles the first events of one queue, for at most about
 * half a second, so that a tenant with a large backlog or slow handlers delays the other tenants by no more than that.
 */
import { Loop } from '#worker';
import { backoffMs } from '../session.js';
import type { GroupConsumer } from './group-consumer.js';
import { deferredQueues, deleteDeferred, lockDeferred, parkedAmong, type DeferredQueue } from './deferred.sql.js';

const POLL_MS = 250;
const BATCH = 100;
const TURN_MS = 500;
/** Pause before another attempt to lock a queue that another process works on. */
const BUSY_PAUSE_MS = 100;

type Progress = 'busy' | 'worked';

export class DeferredDrainer {
  private readonly loop: Loop;
  private readonly running = new Map<string, { readonly tenant: string; readonly done: Promise<void> }>();
  /** When each tenant had its last turn, as a number that grows with each turn. */
  private readonly turns = new Map<string, number>();
  private turn = 0;
  /** Queues that pause after a failure, or because another process works on them. */
  private readonly pauses = new Map<string, number>();
  private readonly failures = new Map<string, number>();
  private stopping = false;

  constructor(private readonly consumer: GroupConsumer) {
    const { group, logger } = consumer.options;
    this.loop = new Loop(`deferred events of ${group}`, POLL_MS, logger, async () => {
      await this.startTurns();
      return false;
    });
    consumer.onDeferred(() => this.loop.wake());
  }

  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.loop.stop();
    await Promise.all([...this.running.values()].map(({ done }) => done));
  }

  private async startTurns(): Promise<void> {
    const { database, schema, group } = this.consumer.options;
    const concurrency = this.concurrency();
    if (this.running.size >= concurrency) return;
    const now = Date.now();
    const queues = await deferredQueues(database, schema, group);
    if (queues.length === 0) this.turns.clear();
    for (const [id, until] of this.pauses) if (until <= now) this.pauses.delete(id);
    const free = queues.filter((queue) => !this.running.has(idOf(queue)) && !this.pauses.has(idOf(queue)));
    while (this.running.size < concurrency && free.length > 0) {
      const next = free.reduce((best, queue) => (this.isBefore(queue.tenant, best.tenant) ? queue : best));
      free.splice(free.indexOf(next), 1);
      this.turns.set(next.tenant, ++this.turn);
      this.running.set(idOf(next), { tenant: next.tenant, done: this.work(next) });
    }
  }

  /** Deferred events get the transactions that new events do not need, and at least half of all. */
  private concurrency(): number {
    const { concurrency } = this.consumer.options;
    return Math.max(Math.ceil(concurrency / 2), concurrency - this.consumer.consuming);
  }

  /** The tenant with fewer running transactions comes first, then the one whose last turn is longer ago. */
  private isBefore(a: string, b: string): boolean {
    const active = (tenant: string) => [...this.running.values()].filter((one) => one.tenant === tenant).length;
    const last = (tenant: string) => this.turns.get(tenant) ?? 0;
    return (active(a) - active(b) || last(a) - last(b)) < 0;
  }

  /** Never rejects. */
  private async work(queue: DeferredQueue): Promise<void> {
    const id = idOf(queue);
    try {
      if ((await this.drain(queue)) === 'busy') this.pauses.set(id, Date.now() + BUSY_PAUSE_MS);
      this.failures.delete(id);
    } catch (error) {
      const failures = (this.failures.get(id) ?? 0) + 1;
      const { group, logger } = this.consumer.options;
      this.failures.set(id, failures);
      this.pauses.set(id, Date.now() + backoffMs(failures, 50, 2_000));
      logger.warn(
        { err: error, group, queue: id, failures, code: 'batch_failed' },
        'a batch of deferred events was rolled back and will be repeated',
      );
    } finally {
      this.running.delete(id);
      if (!this.stopping) this.loop.wake();
    }
  }

  private drain(queue: DeferredQueue): Promise<Progress> {
    const { schema, group } = this.consumer.options;
    const { topic } = queue;
    return this.consumer.inTransaction(async (tx, run) => {
      const rows = await lockDeferred(tx, schema, group, queue, BATCH);
      if (!rows) return 'busy';
      const keys = rows.map(({ key }) => key);
      const parked = await parkedAmong(tx, schema, group, topic, keys);
      const start = performance.now();
      const enough = () => this.stopping || performance.now() - start > TURN_MS;
      const consumed = await this.consumer.consumeDeferred(tx, topic, rows, parked, run, enough);
      await deleteDeferred(
        tx,
        schema,
        group,
        queue,
        consumed.map((row) => row.id),
      );
      return 'worked';
    });
  }
}

const idOf = ({ tenant, topic, partition }: DeferredQueue): string => `${topic}:${partition}:${tenant}`;
