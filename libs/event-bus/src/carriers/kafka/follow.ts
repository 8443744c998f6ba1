/**
 * Follows a Kafka topic from its beginning. kafkajs reads only as a member of a group, so each process is a group of
 * its own, which commits nothing and leaves nothing behind. The follower remembers its positions and seeks them each
 * time that the consumer joins its group.
 */
import type { Topic } from '#events';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload } from 'kafkajs';
import {
  Completeness,
  followed,
  type FollowedRecord,
  type FollowHandler,
  type FollowOptions,
  type TopicFollower,
} from '../../follower.js';
import { backoffMs } from '../../session.js';
import type { BusConfig } from '../../settings.js';
import { connectKafka, type KafkaConnection } from './client.js';
import { deliveryOf } from './message.js';
import { Watchdog } from './watchdog.js';

/** How often the brokers are asked for the end of the topic, which proves that nothing was missed. */
const PROOF_MS = 500;
const SESSION_TIMEOUT_MS = 30_000;
const DISCONNECT_LIMIT_MS = 5_000;

export function followKafka(
  config: BusConfig,
  topic: Topic,
  handler: FollowHandler,
  options: FollowOptions,
): TopicFollower {
  const follower = new KafkaFollower(connectKafka(config, options.name, options.logger), topic, handler, options);
  const running = follower.run();
  return {
    completeAt: () => follower.completeness.at,
    caughtUp: follower.completeness.caughtUp,
    async close() {
      follower.stop.abort();
      await running;
    },
  };
}

interface Ends {
  readonly askedAt: number;
  readonly partitions: readonly { readonly partition: number; readonly low: string; readonly high: string }[];
}

class KafkaFollower {
  readonly completeness = new Completeness();
  readonly stop = new AbortController();
  private readonly watchdog = new Watchdog(SESSION_TIMEOUT_MS);
  private readonly name: string;
  /** The next offset of each partition. */
  private readonly positions = new Map<number, bigint>();
  private ends: Ends | undefined;

  constructor(
    private readonly connection: KafkaConnection,
    topic: Topic,
    private readonly handler: FollowHandler,
    private readonly options: FollowOptions,
  ) {
    this.name = connection.name(topic);
  }

  async run(): Promise<void> {
    const { logger, name } = this.options;
    for (let failures = 0; !this.stop.signal.aborted;) {
      const ended = new AbortController();
      const groupId = this.connection.name(`${name}-${randomUUID()}`);
      const consumer = this.connection.kafka.consumer({
        groupId,
        sessionTimeout: SESSION_TIMEOUT_MS,
        allowAutoTopicCreation: false,
        maxWaitTimeInMs: 500,
        retry: { restartOnFailure: () => Promise.resolve(false) },
      });
      const admin = this.connection.kafka.admin();
      try {
        const silence = this.watchdog.watch(consumer, this.stop.signal);
        await Promise.all([consumer.connect(), admin.connect()]);
        await this.consume(consumer);
        failures = 0;
        const proving = this.prove(admin, ended.signal);
        const reason = await Promise.race([silence, proving]);
        if (reason) throw reason;
      } catch (error) {
        if (!this.stop.signal.aborted && ++failures === 1)
          logger.warn(
            { err: error, topic: this.name, code: 'feed_interrupted' },
            'following the topic was interrupted; the view may be old until it continues',
          );
      } finally {
        ended.abort();
        await Promise.race([
          Promise.allSettled([consumer.disconnect(), admin.disconnect()]),
          sleep(DISCONNECT_LIMIT_MS),
        ]);
      }
      await sleep(backoffMs(Math.max(1, failures), 50, 2_000), undefined, { signal: this.stop.signal }).catch(
        () => undefined,
      );
    }
  }

  private async consume(consumer: Consumer): Promise<void> {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [partition, offset] of this.positions)
        consumer.seek({ topic: this.name, partition, offset: String(offset) });
    });
    await consumer.subscribe({ topics: [this.name], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: (payload) => this.handle(payload) });
  }

  private async handle(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { partition, messages } = batch;
    this.handler(
      messages.map((message): FollowedRecord =>
        message.value === null
          ? { key: message.key?.toString() ?? null, event: null }
          : followed(deliveryOf(partition, message)),
      ),
    );
    this.positions.set(partition, BigInt(batch.lastOffset()) + 1n);
    this.checkComplete();
    await payload.heartbeat();
  }

  /** Asks for the end of the topic again and again. Rejects when the brokers do not answer. */
  private async prove(admin: Admin, ended: AbortSignal): Promise<undefined> {
    while (!ended.aborted) {
      const askedAt = performance.now();
      this.ends = { askedAt, partitions: await admin.fetchTopicOffsets(this.name) };
      this.checkComplete();
      await sleep(PROOF_MS, undefined, { signal: ended }).catch(() => undefined);
    }
    return undefined;
  }

  /** Complete = everything that was there when the brokers were asked has been handled. */
  private checkComplete(): void {
    if (!this.ends) return;
    const { askedAt, partitions } = this.ends;
    const complete = partitions.every(
      ({ partition, low, high }) => low === high || (this.positions.get(partition) ?? 0n) >= BigInt(high),
    );
    if (complete) this.completeness.prove(askedAt);
  }
}
