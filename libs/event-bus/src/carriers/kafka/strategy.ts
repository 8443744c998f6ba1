/**
 * Consumes Kafka topics as one consumer group. The handlers' writes are committed in Postgres first, then the offsets
 * in Kafka. After a crash between the two commits, the events are redelivered and the inbox drops them.
 *
 * The automatic restart of kafkajs is switched off: it covers only some errors (#1513, #1592), and a consumer may stop
 * silently (#1163). One loop here starts, watches and restarts the consumer instead.
 */
import type { Topic } from '#events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import { isOutage } from '../../consumer/attempt.js';
import { BatchSize } from '../../consumer/batch-size.js';
import type { GroupOptions } from '../../consumer/group-consumer.js';
import type { ChosenTopics } from '../../consumer/handlers.js';
import { BATCH_INTERVAL_MS, partitionId, PARTITIONS } from '../../record.js';
import { backoffMs } from '../../session.js';
import { EventStrategy } from '../../consumer/strategy.js';
import type { TenantAge } from '../../tenant-lag.js';
import type { KafkaConnection } from './client.js';
import { BatchFailed, PartitionLost, SharedBatches, type PartitionBatch } from './shared-batches.js';
import { deliveryOf, tenantOf } from './message.js';
import { OffsetCommits } from './offset-commits.js';
import { Watchdog } from './watchdog.js';

const HEARTBEAT_MS = 3_000;
const BATCH = 200;
const DISCONNECT_LIMIT_MS = 5_000;

export class KafkaStrategy extends EventStrategy {
  readonly watchdog: Watchdog;
  private readonly stop = new AbortController();
  private readonly lag = new Map<string, number>();
  /** The fetched events of each partition that are not consumed yet. */
  private readonly fetched = new Map<string, readonly KafkaMessage[]>();
  private readonly size = new BatchSize(BATCH);
  private supervision: Promise<void> | undefined;

  constructor(
    options: GroupOptions,
    chosen: ChosenTopics,
    private readonly connection: KafkaConnection,
    private readonly sessionTimeoutMs: number,
  ) {
    super(options, chosen);
    this.watchdog = new Watchdog(sessionTimeoutMs);
  }

  /** Does not wait for Kafka, so that a service starts and keeps running while its brokers do not answer. */
  protected startConsuming(topics: readonly Topic[]): Promise<void> {
    this.supervision = this.supervise(topics);
    return Promise.resolve();
  }

  protected async stopConsuming(): Promise<void> {
    this.stop.abort();
    await this.supervision;
  }

  protected reportLag(): Promise<void> {
    const { group, metrics } = this.options;
    for (const [id, lag] of this.lag) metrics.lag.inc({ group, topic: id.split(':')[0] ?? '' }, lag);
    return Promise.resolve();
  }

  protected tenantAges(): Promise<TenantAge[]> {
    const now = Date.now();
    const waiting = [...this.fetched.values()].flat();
    return Promise.resolve(
      waiting.flatMap((message) => {
        const tenant = tenantOf(message);
        return tenant === undefined ? [] : [{ tenant, seconds: (now - Number(message.timestamp)) / 1_000 }];
      }),
    );
  }

  private async supervise(topics: readonly Topic[]): Promise<void> {
    const { group, metrics } = this.options;
    for (let failures = 0; !this.stop.signal.aborted;) {
      const consumer = this.createConsumer();
      const commits = new OffsetCommits(this.log);
      const batches = this.sharedBatches();
      try {
        const ended = this.watchdog.watch(consumer, this.stop.signal);
        await this.connection.ensureTopics(topics);
        await consumer.connect();
        this.watchdog.reached();
        await consumer.subscribe({ topics: topics.map((t) => this.connection.name(t)), fromBeginning: true });
        await consumer.run({
          eachBatchAutoResolve: false,
          autoCommit: false,
          // Handle all partitions concurrently; SharedBatches limits the number of transactions.
          partitionsConsumedConcurrently: PARTITIONS * topics.length,
          eachBatch: (fetched) => this.handle(fetched, batches, commits),
        });
        const reason = await ended;
        failures = 0;
        if (reason) throw reason;
      } catch (error) {
        this.watchdog.failed(error);
        if (this.stop.signal.aborted) break;
        metrics.restarts.inc({ group });
        // At first use, a cluster creates its topic of offsets, and for a moment no broker coordinates the group.
        const isNew = failures++ === 0 && (error as Error).name === 'KafkaJSGroupCoordinatorNotFound';
        if (failures <= 3)
          this.log[isNew ? 'debug' : 'warn'](
            { err: error, group, code: 'kafka_consumer_restarts' },
            'the Kafka consumer ended and is restarted automatically',
          );
      } finally {
        await Promise.race([
          this.leave(consumer, commits).catch(() => undefined),
          sleep(DISCONNECT_LIMIT_MS, undefined, { ref: false }),
        ]);
      }
      await sleep(backoffMs(Math.max(1, failures), 250, 10_000), undefined, { signal: this.stop.signal }).catch(
        () => undefined,
      );
    }
  }

  private async leave(consumer: Consumer, commits: OffsetCommits): Promise<void> {
    if (this.stop.signal.aborted) await commits.commit();
    await consumer.disconnect();
  }

  private createConsumer(): Consumer {
    return this.connection.kafka.consumer({
      groupId: this.connection.name(this.options.group),
      sessionTimeout: this.sessionTimeoutMs,
      rebalanceTimeout: 60_000,
      heartbeatInterval: Math.min(HEARTBEAT_MS, this.sessionTimeoutMs / 3),
      maxWaitTimeInMs: 50,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, retries: 4, maxRetryTime: 2_000, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  private sharedBatches(): SharedBatches {
    const { group } = this.options;
    return new SharedBatches(this.consumer, this.options.concurrency, this.size, (error, batches) =>
      this.log.warn(
        { err: error, group, partitions: batches.map(partitionId), code: 'batch_failed' },
        'a batch of events was rolled back and will be repeated',
      ),
    );
  }

  private async handle(payload: EachBatchPayload, batches: SharedBatches, commits: OffsetCommits): Promise<void> {
    const { topic: name, partition } = payload.batch;
    const topic = this.connection.topicOf(name);
    if (!topic) return;
    const start = Date.now();
    await this.consumeFetched(topic, payload, batches, commits).finally(() =>
      this.fetched.delete(partitionId({ topic, partition })),
    );
    await sleep(Math.max(0, start + BATCH_INTERVAL_MS - Date.now()), undefined, { signal: this.stop.signal }).catch(
      () => undefined,
    );
  }

  private async consumeFetched(
    topic: Topic,
    payload: EachBatchPayload,
    batches: SharedBatches,
    commits: OffsetCommits,
  ): Promise<void> {
    const { batch: fetched } = payload;
    const { partition } = fetched;
    const assigned = () => payload.isRunning() && !payload.isStale() && !this.stop.signal.aborted;
    const heartbeat = () => payload.heartbeat();
    for (let done = 0; done < fetched.messages.length && assigned();) {
      this.fetched.set(partitionId({ topic, partition }), fetched.messages.slice(done));
      const messages = fetched.messages.slice(done, done + this.size.current);
      const deliveries = messages.map((message) => deliveryOf(topic, partition, message));
      const rest = fetched.messages.slice(done + messages.length);
      const isLast = BigInt(fetched.lastOffset()) + 1n >= BigInt(fetched.highWatermark);
      // Events that are not fetched yet may be of any tenant.
      const othersBehind = (tenant: string) => !isLast || rest.some((message) => tenantOf(message) !== tenant);
      const batch = { topic, partition, deliveries, othersBehind, exclusive: false, assigned, heartbeat };
      if (!(await this.consumeBatch(batch, batches))) return;
      done += messages.length;
      const last = messages.at(-1)?.offset ?? fetched.lastOffset();
      payload.resolveOffset(last);
      commits.due(payload);
      this.lag.set(partitionId(batch), Math.max(0, Number(fetched.highWatermark) - 1 - Number(last)));
      // Commit now if the process is stopping, because no later commit follows.
      if (this.stop.signal.aborted) await commits.commit();
      await heartbeat(); // throws during a rebalance; handling more events would then cause endless rebalances (#1720)
    }
  }

  /** Repeats the batch until it is committed. Returns false if the partition was lost before that. */
  private async consumeBatch(batch: PartitionBatch, batches: SharedBatches): Promise<boolean> {
    let exclusive = false;
    for (let failures = 0; batch.assigned();) {
      try {
        await batches.consume({ ...batch, exclusive });
        this.watchdog.active();
        return true;
      } catch (error) {
        if (error instanceof PartitionLost) return false;
        await batch.heartbeat(); // throws, and so ends the fetch, if the partition was reassigned
        exclusive = !isOutage(error);
        if (!(error instanceof BatchFailed)) await sleep(backoffMs(++failures, 50, 2_000));
      }
    }
    return false;
  }
}
