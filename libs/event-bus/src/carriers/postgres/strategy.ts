/**
 * Consumes the Postgres event log. NOTIFY announces partitions with new events; a query every 200 ms finds partitions
 * whose announcement was lost. A worker leases each partition that it consumes, so any number of processes may share a
 * group.
 *
 * New events of several partitions of a topic share one transaction, because a transaction costs more than a few
 * events. A key has one partition, so the order per key is preserved.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { topics as allTopics, type Topic } from '#events';
import { Waiter } from '#platform';
import type { Client } from 'pg';
import { isOutage } from '../../consumer/attempt.js';
import { BatchSize } from '../../consumer/batch-size.js';
import { BATCH_INTERVAL_MS, deliveryOf, partitionId, PARTITIONS, type TopicPartition } from '../../record.js';
import { backoffMs, openSession } from '../../session.js';
import { EventStrategy } from '../../consumer/strategy.js';
import type { TenantAge } from '../../tenant-lag.js';
import {
  agesByTenant,
  CHANNEL,
  lagByTopic,
  leaseAndRead,
  moveOffsets,
  othersAfter,
  parseNotice,
  partitionsBehind,
  seedOffsets,
} from './log.sql.js';

const POLL_MS = 200;
const BATCH = 100;
/**
 * Pause before another attempt to lease a partition. The process that holds the lease may have read the partition too
 * early to get the announced events.
 */
const LEASE_RETRY_MS = 10;

interface Announcement {
  readonly at: TopicPartition;
  /** True if the partition gets its own transaction, because it has failed or has a backlog. */
  readonly exclusive: boolean;
}

export class PostgresStrategy extends EventStrategy {
  private topics: readonly Topic[] = [];
  private stopping = false;
  private listener: Client | undefined;
  private loops: Promise<void>[] = [];
  /**
   * Partitions that may have new events, oldest announcement first. A partition that is in `busy` may be announced
   * again.
   */
  private readonly announced = new Map<string, Announcement>();
  private readonly busy = new Set<string>();
  /** Consecutive failures of each partition. */
  private readonly failures = new Map<string, number>();
  private readonly idleWorkers: Waiter[] = [];
  private readonly poll = new Waiter();
  private readonly size = new BatchSize(BATCH);
  /** Earliest time at which the next batch may begin. The delay lets a batch contain more events. */
  private nextBatchAt = 0;

  protected async startConsuming(topics: readonly Topic[]): Promise<void> {
    this.topics = topics;
    const { database, schema, group } = this.options;
    await seedOffsets(database, schema, group, topics);
    await this.listenToNotices();
    for (const topic of topics)
      for (let partition = 0; partition < PARTITIONS; partition++) this.announce({ topic, partition });
    for (let i = 0; i < this.options.concurrency; i++) this.loops.push(this.worker());
    this.loops.push(this.pollForLostNotices());
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

  protected tenantAges(): Promise<TenantAge[]> {
    const { database, schema, group } = this.options;
    return agesByTenant(database, schema, group);
  }

  private async listenToNotices(): Promise<void> {
    const listener = await openSession(this.options.database, `${this.options.group}:listen`, () => {
      this.listener = undefined; // the next poll opens a new session
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

  private announce(at: TopicPartition, exclusive = false): void {
    const id = partitionId(at);
    this.announced.set(id, { at, exclusive: exclusive || (this.announced.get(id)?.exclusive ?? false) });
    this.wakeWorkers();
  }

  private wakeWorkers(): void {
    for (const waiter of this.idleWorkers) waiter.wake();
  }

  /** Reconnects the listener and finds events whose NOTIFY was lost, until the strategy is closed. */
  private async pollForLostNotices(): Promise<void> {
    const { database, schema, group } = this.options;
    for (let failures = 0; !this.stopping;) {
      await this.poll.wait(failures === 0 ? POLL_MS : backoffMs(failures, 200, 2_000));
      if (this.stopping) return;
      try {
        if (!this.listener) await this.listenToNotices();
        for (const { topic, partition } of await partitionsBehind(database, schema, group, this.topics))
          this.announce({ topic: topic as Topic, partition });
        failures = 0;
      } catch (error) {
        if (++failures === 1)
          this.log.warn(
            { err: error, group, code: 'database_unavailable' },
            'the database does not answer; consuming events continues when it answers again',
          );
      }
    }
  }

  private async worker(): Promise<void> {
    const waiter = new Waiter();
    this.idleWorkers.push(waiter);
    while (!this.stopping) {
      const pause = this.nextBatchAt - Date.now();
      if (this.announced.size > 0 && pause > 0) await sleep(pause);
      const partitions = this.take();
      if (partitions.length > 0) await this.consume(partitions);
      else await waiter.wait(POLL_MS);
    }
  }

  /**
   * Takes the partitions for one transaction: at most an equal part of all partitions, so that every worker gets some.
   * They all belong to one topic, so that all transactions take locks in the same order.
   */
  private take(): TopicPartition[] {
    const free = [...this.announced.values()].filter(({ at }) => !this.busy.has(partitionId(at)));
    const [first] = free;
    if (!first) return [];
    const share = Math.min(this.size.shared, Math.ceil((PARTITIONS * this.topics.length) / this.options.concurrency));
    const taken = first.exclusive
      ? [first]
      : free.filter(({ at, exclusive }) => !exclusive && at.topic === first.at.topic).slice(0, share);
    const partitions = taken.map(({ at }) => at);
    for (const id of partitions.map(partitionId)) {
      this.announced.delete(id);
      this.busy.add(id);
    }
    this.nextBatchAt = Date.now() + BATCH_INTERVAL_MS;
    return partitions;
  }

  /**
   * Never rejects. If a shared transaction fails, each of its partitions is retried at once in its own transaction. If
   * a single partition fails or the database is unavailable, the same partitions are retried after a growing pause.
   */
  private async consume(partitions: readonly TopicPartition[]): Promise<void> {
    const ids = partitions.map(partitionId);
    try {
      await this.consumeBatch(partitions);
      for (const id of ids) this.failures.delete(id);
      this.release(partitions);
    } catch (error) {
      this.size.failed();
      if (partitions.length > 1 && !isOutage(error)) {
        for (const at of partitions) this.announce(at, true);
        this.release(partitions);
        return;
      }
      const failures = 1 + Math.max(...ids.map((id) => this.failures.get(id) ?? 0));
      this.log.warn(
        { err: error, group: this.options.group, partitions: ids, failures, code: 'batch_failed' },
        'a batch of events was rolled back and will be repeated',
      );
      for (const id of ids) this.failures.set(id, failures);
      setTimeout(
        () => {
          for (const at of partitions) this.announce(at, partitions.length === 1);
          this.release(partitions);
        },
        backoffMs(failures, 50, 2_000),
      ).unref();
    }
  }

  private release(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.busy.delete(partitionId(at));
    if (this.announced.size > 0) this.wakeWorkers();
  }

  private async consumeBatch(partitions: readonly TopicPartition[]): Promise<void> {
    const { schema, group } = this.options;
    const { topic } = partitions[0] as TopicPartition;
    const numbers = partitions.map(({ partition }) => partition);
    const { current, shared } = this.size;
    const limit = partitions.length === 1 ? current : Math.max(1, Math.floor(shared / partitions.length));
    const start = Date.now();
    const read = await this.consumer.inTransaction(async (tx, run) => {
      const leased = await leaseAndRead(tx, schema, group, topic, numbers, limit);
      const rows = [...leased.values()].flat();
      if (rows.length === 0) return leased;
      const last = [...leased.values()].flatMap((events) => events.at(-1) ?? []);
      const full = last.filter(({ partition }) => leased.get(partition)?.length === limit);
      const othersBehind = (tenant: string) => othersAfter(tx, topic, full, tenant);
      await this.consumer.consume(tx, topic, rows.map(deliveryOf), run, othersBehind);
      await moveOffsets(tx, schema, group, topic, last);
      return leased;
    });
    let events = 0;
    for (const at of partitions) {
      const count = read.get(at.partition)?.length;
      if (count === undefined) setTimeout(() => this.announce(at), LEASE_RETRY_MS).unref();
      else if (count === limit) {
        // The read reached its limit, so the partition probably has more events. Read it again without a pause, in its
        // own transaction.
        this.nextBatchAt = 0;
        this.announce(at, true);
      }
      events += count ?? 0;
    }
    this.size.took(events, Date.now() - start);
  }
}
