/**
 * Consumes the Postgres event log. Partitions with something new come from NOTIFY and, as the safety net, from one
 * query every 200 ms; a few workers take them, each by its lease, so that any number of processes may share a group.
 * What is new in several partitions is consumed in one transaction: at a few events per partition, a transaction for
 * each of them costs more than the events do. Each key has one partition, so nothing is reordered.
 */
import { topics as allTopics, type Topic } from '#events';
import { isDatabaseOutage } from '#platform';
import type { Client } from 'pg';
import { ChunkSize } from '../chunk-size.js';
import type { GroupOptions } from '../consumer.js';
import { deliveryOf, PACE_MS, PARTITIONS } from '../record.js';
import { backoffMs, openSession, sleep, Waiter } from '../session.js';
import { EventStrategy } from '../strategy.js';
import {
  CHANNEL,
  lagByTopic,
  leaseAndRead,
  moveOffsets,
  parseNotice,
  partitionsBehind,
  placeId,
  seedOffsets,
  type Place,
} from './log.sql.js';

const SAFETY_POLL_MS = 200;
const CHUNK = 100;
/** Another process holds the lease; what was announced may have come too late for its last look. */
const LEASE_RETRY_MS = 10;

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
  private gatherUntil = 0;

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
    this.announced.set(placeId(place), place);
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
      const gather = this.gatherUntil - Date.now();
      if (this.announced.size > 0 && gather > 0) await sleep(gather);
      const places = this.take();
      if (places.length === 0) {
        await waiter.wait(SAFETY_POLL_MS);
        continue;
      }
      const consumed = await this.consume(places);
      for (const place of places) this.busy.delete(placeId(place));
      failures = consumed ? 0 : failures + 1;
      if (!consumed) await sleep(backoffMs(failures, 50, 2_000));
    }
  }

  /** A worker's share at most, so that in a backlog every worker has something to do. */
  private take(): Place[] {
    const share = Math.min(this.size.shared, Math.ceil((PARTITIONS * this.topics.length) / this.concurrency));
    const free = [...this.announced].filter(([id]) => !this.busy.has(id)).slice(0, share);
    for (const [id] of free) {
      this.announced.delete(id);
      this.busy.add(id);
    }
    if (free.length > 0) this.gatherUntil = Date.now() + PACE_MS;
    return free.map(([, place]) => place);
  }

  /** False if a place failed. Those that fail together are tried one by one: a failure is nobody's but its own. */
  private async consume(places: readonly Place[]): Promise<boolean> {
    try {
      await this.consumeChunk(places);
      return true;
    } catch (error) {
      this.size.failed();
      if (places.length > 1 && !isDatabaseOutage(error)) {
        let all = true;
        for (const place of places) all = (await this.consume([place])) && all;
        return all;
      }
      this.log.warn(
        { err: error, group: this.options.group, places: places.map(placeId), code: 'chunk_failed' },
        'a chunk of events was rolled back and will be repeated',
      );
      for (const place of places) this.announce(place);
      return false;
    }
  }

  private async consumeChunk(places: readonly Place[]): Promise<void> {
    const { schema, group } = this.options;
    const limit = Math.max(1, Math.floor(this.size.current / places.length));
    const start = Date.now();
    const read = await this.consumer.inTransaction(async (tx, doubt) => {
      const leased = await leaseAndRead(tx, schema, group, places, limit);
      const rows = [...leased.values()].flat();
      for (const topic of new Set(places.map((place) => place.topic))) {
        const deliveries = rows.filter((row) => row.topic === topic).map(deliveryOf);
        if (deliveries.length > 0) await this.consumer.consume(tx, topic, deliveries, doubt);
      }
      if (rows.length > 0)
        await moveOffsets(
          tx,
          schema,
          group,
          [...leased.values()].flatMap((events) => events.at(-1) ?? []),
        );
      return leased;
    });
    let events = 0;
    for (const place of places) {
      const count = read.get(placeId(place))?.length;
      if (count === undefined) setTimeout(() => this.announce(place), LEASE_RETRY_MS).unref();
      else if (count === limit) this.more(place);
      events += count ?? 0;
    }
    this.size.took(events, Date.now() - start);
  }

  /** There is a backlog: nothing to wait for. */
  private more(place: Place): void {
    this.gatherUntil = 0;
    this.announce(place);
  }
}
