/**
 * Consumes Kafka topics as one consumer group. Effects commit in Postgres first, offsets in Kafka after that; what is
 * redelivered in between meets the version gate. kafkajs is never left to restart itself: it does so for some errors
 * and not for others (#1513, #1592) and may stop without a word (#1163), so one loop here owns the consumer's life.
 */
import type { Topic } from '#events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { isOutage } from '../attempt.js';
import { ChunkSize } from '../chunk-size.js';
import type { GroupOptions } from '../consumer.js';
import { PACE_MS, PARTITIONS, placeId } from '../record.js';
import { backoffMs, sleep } from '../session.js';
import { EventStrategy } from '../strategy.js';
import type { KafkaConnection } from './client.js';
import { FailedTogether, JointTransactions, NotAlive, type Part } from './joint.js';
import { deliveryOf } from './message.js';
import { OffsetCommits } from './offset-commits.js';
import { Watchdog } from './watchdog.js';

const HEARTBEAT_MS = 3_000;
const CHUNK = 200;
const DISCONNECT_LIMIT_MS = 5_000;

export class KafkaStrategy extends EventStrategy {
  readonly watchdog: Watchdog;
  private readonly stop = new AbortController();
  private readonly lag = new Map<string, number>();
  private readonly size = new ChunkSize(CHUNK);
  private supervision: Promise<void> | undefined;

  constructor(
    options: GroupOptions,
    only: readonly Topic[] | undefined,
    private readonly connection: KafkaConnection,
    private readonly concurrency: number,
    private readonly sessionTimeoutMs: number,
  ) {
    super(options, only);
    this.watchdog = new Watchdog(sessionTimeoutMs);
  }

  /** Does not wait for Kafka: a service starts, and stays up, while its brokers are away. */
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
    for (const [place, lag] of this.lag) metrics.lag.inc({ group, topic: place.split(':')[0] ?? '' }, lag);
    return Promise.resolve();
  }

  private async supervise(topics: readonly Topic[]): Promise<void> {
    const { group, metrics } = this.options;
    for (let failures = 0; !this.stop.signal.aborted;) {
      const consumer = this.createConsumer();
      const commits = new OffsetCommits(this.log);
      const transactions = this.createTransactions();
      try {
        const ended = this.watchdog.watch(consumer, this.stop.signal);
        await this.connection.ensureTopics();
        await consumer.connect();
        this.watchdog.reached();
        await consumer.subscribe({ topics: topics.map((t) => this.connection.name(t)), fromBeginning: true });
        await consumer.run({
          eachBatchAutoResolve: false,
          autoCommit: false,
          // All of them: how many transactions there are is limited where they are made.
          partitionsConsumedConcurrently: PARTITIONS * topics.length,
          eachBatch: (batch) => this.eachBatch(batch, transactions, commits),
        });
        const reason = await ended;
        failures = 0;
        if (reason) throw reason;
      } catch (error) {
        this.watchdog.failed(error);
        if (this.stop.signal.aborted) break;
        metrics.restarts.inc({ group });
        if (++failures <= 3)
          this.log.warn(
            { err: error, group, code: 'kafka_consumer_restarts' },
            'the Kafka consumer ended and is started anew',
          );
      } finally {
        await Promise.race([
          this.leave(consumer, commits).catch(() => undefined),
          pause(DISCONNECT_LIMIT_MS, undefined, { ref: false }),
        ]);
      }
      await pause(backoffMs(Math.max(1, failures), 250, 10_000), undefined, { signal: this.stop.signal }).catch(
        () => undefined,
      );
    }
  }

  /** In a stop what was consumed is committed first; a consumer that failed goes at once. */
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

  private createTransactions(): JointTransactions {
    const { group } = this.options;
    return new JointTransactions(this.consumer, this.concurrency, this.size, (error, parts) =>
      this.log.warn(
        { err: error, group, places: parts.map(placeId), code: 'chunk_failed' },
        'a chunk of events was rolled back and will be repeated',
      ),
    );
  }

  private async eachBatch(
    payload: EachBatchPayload,
    transactions: JointTransactions,
    commits: OffsetCommits,
  ): Promise<void> {
    const { batch } = payload;
    const topic = this.connection.topicOf(batch.topic);
    if (!topic) return;
    const start = Date.now();
    const { partition } = batch;
    const alive = () => payload.isRunning() && !payload.isStale() && !this.stop.signal.aborted;
    const heartbeat = () => payload.heartbeat();
    for (let done = 0; done < batch.messages.length && alive();) {
      const chunk = batch.messages.slice(done, done + this.size.current);
      const deliveries = chunk.map((message) => deliveryOf(partition, message));
      const part = { topic, partition, deliveries, alone: false, alive, heartbeat };
      if (!(await this.consumePart(part, transactions))) return;
      done += chunk.length;
      const last = chunk.at(-1)?.offset ?? batch.lastOffset();
      payload.resolveOffset(last);
      commits.due(payload);
      this.lag.set(placeId(part), Math.max(0, Number(batch.highWatermark) - 1 - Number(last)));
      // In a stop nobody comes by later.
      if (this.stop.signal.aborted) await commits.commit();
      await heartbeat(); // throws in a rebalance; finishing the batch in spite of it leads to endless rebalances (#1720)
    }
    await pause(Math.max(0, start + PACE_MS - Date.now()), undefined, { signal: this.stop.signal }).catch(
      () => undefined,
    );
  }

  /** Repeats the part until it is committed; false if the partition was lost meanwhile. */
  private async consumePart(part: Part, transactions: JointTransactions): Promise<boolean> {
    let alone = false;
    for (let failures = 0; part.alive();) {
      try {
        await transactions.consume({ ...part, alone });
        this.watchdog.active();
        return true;
      } catch (error) {
        if (error instanceof NotAlive) return false;
        await part.heartbeat(); // still ours? else this throws and ends the batch
        alone = !isOutage(error);
        if (!(error instanceof FailedTogether)) await sleep(backoffMs(++failures, 50, 2_000));
      }
    }
    return false;
  }
}
