/**
 * Consumes the Postgres event log. Partitions with something new come from NOTIFY and, as the safety net, from one
 * query every 200 ms; a few workers take them, each by its lease, so that any number of processes may share a group.
 * What is new in several partitions of a topic is consumed in one transaction: at a few events per partition, a
 * transaction for each of them costs more than the events do. Each key has one partition, so nothing is reordered.
 */
import { topics as allTopics, type Topic } from '#events';
import type { Client } from 'pg';
import { isOutage } from '../attempt.js';
import { ChunkSize } from '../chunk-size.js';
import type { GroupOptions } from '../consumer.js';
import { deliveryOf, PACE_MS, PARTITIONS, placeId, type Place } from '../record.js';
import { backoffMs, openSession, sleep, Waiter } from '../session.js';
import { EventStrategy } from '../strategy.js';
import {
  CHANNEL,
  lagByTopic,
  leaseAndRead,
  moveOffsets,
  parseNotice,
  partitionsBehind,
  seedOffsets,
} from './log.sql.js';

const SAFETY_POLL_MS = 200;
const CHUNK = 100;
/** Another process holds the lease; what was announced may have come too late for its last look. */
const LEASE_RETRY_MS = 10;

interface Announcement {
  readonly place: Place;
  /** In a transaction of its own: it has failed, or it has a backlog. */
  readonly alone: boolean;
}

export class PostgresStrategy extends EventStrategy {
  private topics: readonly Topic[] = [];
  private stopping = false;
  private listener: Client | undefined;
  private loops: Promise<void>[] = [];
  /** Partitions that may have something new, oldest announcement first; those being worked on are in `busy`. */
  private readonly announced = new Map<string, Announcement>();
  private readonly busy = new Set<string>();
  /** In a row, of places that failed last. */
  private readonly failures = new Map<string, number>();
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

  private announce(place: Place, alone = false): void {
    const id = placeId(place);
    this.announced.set(id, { place, alone: alone || (this.announced.get(id)?.alone ?? false) });
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
    while (!this.stopping) {
      const gather = this.gatherUntil - Date.now();
      if (this.announced.size > 0 && gather > 0) await sleep(gather);
      const places = this.take();
      if (places.length > 0) await this.consume(places);
      else await waiter.wait(SAFETY_POLL_MS);
    }
  }

  /** A worker's share at most, so that every worker has something to do; of one topic, so that locks have one order. */
  private take(): Place[] {
    const free = [...this.announced.values()].filter(({ place }) => !this.busy.has(placeId(place)));
    const [first] = free;
    if (!first) return [];
    const share = Math.min(this.size.shared, Math.ceil((PARTITIONS * this.topics.length) / this.concurrency));
    const taken = first.alone
      ? [first]
      : free.filter(({ place, alone }) => !alone && place.topic === first.place.topic).slice(0, share);
    const places = taken.map(({ place }) => place);
    for (const id of places.map(placeId)) {
      this.announced.delete(id);
      this.busy.add(id);
    }
    this.gatherUntil = Date.now() + PACE_MS;
    return places;
  }

  /** Never rejects. What failed together is tried one by one; what failed by itself has to pause, longer each time. */
  private async consume(places: readonly Place[]): Promise<void> {
    const ids = places.map(placeId);
    try {
      await this.consumeChunk(places);
      for (const id of ids) this.failures.delete(id);
      this.release(places);
    } catch (error) {
      this.size.failed();
      if (places.length > 1 && !isOutage(error)) {
        for (const place of places) this.announce(place, true);
        this.release(places);
        return;
      }
      const failures = 1 + Math.max(...ids.map((id) => this.failures.get(id) ?? 0));
      this.log.warn(
        { err: error, group: this.options.group, places: ids, failures, code: 'chunk_failed' },
        'a chunk of events was rolled back and will be repeated',
      );
      for (const id of ids) this.failures.set(id, failures);
      setTimeout(
        () => {
          for (const place of places) this.announce(place, places.length === 1);
          this.release(places);
        },
        backoffMs(failures, 50, 2_000),
      ).unref();
    }
  }

  private release(places: readonly Place[]): void {
    for (const place of places) this.busy.delete(placeId(place));
    if (this.announced.size > 0) this.wakeWorkers();
  }

  private async consumeChunk(places: readonly Place[]): Promise<void> {
    const { schema, group } = this.options;
    const topic = (places[0] as Place).topic;
    const partitions = places.map(({ partition }) => partition);
    const { current, shared } = this.size;
    const limit = places.length === 1 ? current : Math.max(1, Math.floor(shared / places.length));
    const start = Date.now();
    const read = await this.consumer.inTransaction(async (tx, doubt) => {
      const leased = await leaseAndRead(tx, schema, group, topic, partitions, limit);
      const rows = [...leased.values()].flat();
      if (rows.length === 0) return leased;
      await this.consumer.consume(tx, topic, rows.map(deliveryOf), doubt);
      const last = [...leased.values()].flatMap((events) => events.at(-1) ?? []);
      await moveOffsets(tx, schema, group, topic, last);
      return leased;
    });
    let events = 0;
    for (const place of places) {
      const count = read.get(place.partition)?.length;
      if (count === undefined) setTimeout(() => this.announce(place), LEASE_RETRY_MS).unref();
      else if (count === limit) this.backlog(place);
      events += count ?? 0;
    }
    this.size.took(events, Date.now() - start);
  }

  /** There is more than comes in a moment: nothing to wait for, and enough for transactions of its own. */
  private backlog(place: Place): void {
    this.gatherUntil = 0;
    this.announce(place, true);
  }
}
