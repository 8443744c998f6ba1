/**
 * Consumes the Postgres event log. Partitions with something new come from NOTIFY and, as the safety net, from one
 * query every 200 ms; a few workers take them, each by its lease, so that any number of processes may share a group.
 */
import { topics as allTopics, type Topic } from '#events';
import type { Client } from 'pg';
import { ChunkSize } from '../chunk-size.js';
import type { GroupOptions } from '../consumer.js';
import { deliveryOf, PARTITIONS } from '../record.js';
import { backoffMs, openSession, sleep, Waiter } from '../session.js';
import { EventStrategy } from '../strategy.js';
import {
  CHANNEL,
  lagByTopic,
  leaseAndRead,
  moveOffset,
  parseNotice,
  partitionsBehind,
  seedOffsets,
} from './log.sql.js';

const SAFETY_POLL_MS = 200;
const CHUNK = 100;
/** Another process holds the lease; what was announced may have come too late for its last look. */
const LEASE_RETRY_MS = 10;

type Place = { readonly topic: Topic; readonly partition: number };

export class PostgresStrategy extends EventStrategy {
  private topics: readonly Topic[] = [];
  private stopping = false;
  private listener: Client | undefined;
  private loops: Promise<void>[] = [];
  /** Partitions that may have something new, oldest announcement first; those being worked on are in `busy`. */
  private readonly announced = new Map<string, Place>();
  private readonly busy = new Set<string>();
  private readonly work: Waiter[] = [];
  private readonly poll = new Waiter();
  private readonly size = new ChunkSize(CHUNK);

  constructor(
    options: GroupOptions,
    only: readonly Topic[] | undefined,
    private readonly concurrency: number,
  ) {
    super(options, only);
  }

  protected async startConsuming(topics: readonly Topic[]): Promise<void> {
    this.topics = topics;
    const { database, schema, group } = this.options;
    await seedOffsets(database, schema, group, topics);
    await this.listenToNotices();
    for (const topic of topics)
      for (let partition = 0; partition < PARTITIONS; partition++) this.announce({ topic, partition });
    for (let i = 0; i < this.concurrency; i++) this.loops.push(this.worker());
    this.loops.push(this.safetyNet());
  }

  protected async stopConsuming(): Promise<void> {
    this.stopping = true;
    this.poll.wake();
    this.wakeWorkers();
    await Promise.all(this.loops);
    await this.listener?.end().catch(() => undefined);
  }

  protected async reportLag(): Promise<void> {
    const { database, schema, group, metrics } = this.options;
    for (const { topic, lag } of await lagByTopic(database, schema, group)) metrics.lag.set({ group, topic }, lag);
  }

  private async listenToNotices(): Promise<void> {
    const listener = await openSession(this.options.database, `${this.options.group}:listen`, () => {
      this.listener = undefined; // the safety net opens another one
    });
    this.listener = listener;
    listener.on('notification', ({ payload }) => {
      for (const [name, partition] of parseNotice(payload ?? '')) {
        const topic = allTopics.find((t) => t === name);
        if (topic && this.topics.includes(topic)) this.announce({ topic, partition });
      }
    });
    await listener.query(`listen ${CHANNEL}`);
  }

  private announce(place: Place): void {
    this.announced.set(`${place.topic}:${place.partition}`, place);
    this.wakeWorkers();
  }

  private wakeWorkers(): void {
    for (const waiter of this.work) waiter.wake();
  }

  /** Reconnects the listener and finds what NOTIFY did not tell, until the strategy is closed. */
  private async safetyNet(): Promise<void> {
    const { database, schema, group } = this.options;
    for (let failures = 0; !this.stopping;) {
      await this.poll.wait(failures === 0 ? SAFETY_POLL_MS : backoffMs(failures, 200, 2_000));
      if (this.stopping) return;
      try {
        if (!this.listener) await this.listenToNotices();
        for (const { topic, partition } of await partitionsBehind(database, schema, group, this.topics))
          this.announce({ topic: topic as Topic, partition });
        failures = 0;
      } catch (error) {
        if (++failures === 1)
          this.log.warn({ err: error, group, code: 'database_unavailable' }, 'events have to wait for the database');
      }
    }
  }

  private async worker(): Promise<void> {
    const waiter = new Waiter();
    this.work.push(waiter);
    for (let failures = 0; !this.stopping;) {
      const place = this.take();
      if (!place) {
        await waiter.wait(SAFETY_POLL_MS);
        continue;
      }
      try {
        await this.consumeChunk(place);
        failures = 0;
      } catch (error) {
        failures++;
        this.size.failed();
        this.log.warn(
          { err: error, group: this.options.group, ...place, failures, code: 'chunk_failed' },
          'a chunk of events was rolled back and will be repeated',
        );
        this.announce(place);
        await sleep(backoffMs(failures, 50, 2_000));
      } finally {
        this.busy.delete(`${place.topic}:${place.partition}`);
      }
    }
  }

  private take(): Place | undefined {
    for (const [id, place] of this.announced) {
      if (this.busy.has(id)) continue;
      this.announced.delete(id);
      this.busy.add(id);
      return place;
    }
    return undefined;
  }

  private async consumeChunk(place: Place): Promise<void> {
    const { schema, group } = this.options;
    const { topic, partition } = place;
    const limit = this.size.current;
    const start = Date.now();
    const read = await this.consumer.inTransaction(async (tx, doubt) => {
      const rows = await leaseAndRead(tx, schema, group, topic, partition, limit);
      const last = rows?.at(-1);
      if (!rows || !last) return rows?.length;
      await this.consumer.consume(tx, topic, rows.map(deliveryOf), doubt);
      await moveOffset(tx, schema, group, topic, partition, last.position);
      return rows.length;
    });
    if (read === undefined) setTimeout(() => this.announce(place), LEASE_RETRY_MS).unref();
    else if (read === limit) this.announce(place);
    if (read !== undefined) this.size.took(read, Date.now() - start);
  }
}
