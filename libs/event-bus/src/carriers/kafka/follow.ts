/**
 * Reads a Kafka topic from its beginning and then continuously. kafkajs reads only as a member of a group, so each
 * process has its own group, which never commits offsets. The process keeps its offsets in memory.
 */
import type { Topic } from '#events';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer, EachBatchPayload } from 'kafkajs';
import { followed, Follower, type FollowedRecord, type FollowHandler, type FollowOptions } from '../../follower.js';
import type { KafkaAccess } from '../../settings.js';
import { connectKafka, type KafkaConnection } from './client.js';
import { deliveryOf } from './message.js';
import { Watchdog } from './watchdog.js';

/** Interval of the requests for the end offsets of the topic. They prove that this process has read every record. */
const PROOF_MS = 500;
const SESSION_TIMEOUT_MS = 30_000;
const DISCONNECT_LIMIT_MS = 5_000;

interface Ends {
  readonly askedAt: number;
  readonly partitions: readonly { readonly partition: number; readonly low: string; readonly high: string }[];
}

export class KafkaFollower extends Follower {
  private readonly connection: KafkaConnection;
  private readonly watchdog = new Watchdog(SESSION_TIMEOUT_MS);
  private readonly positions = new Map<number, bigint>();
  private ends: Ends | undefined;

  constructor(
    access: KafkaAccess,
    private readonly plainTopic: Topic,
    handler: FollowHandler,
    options: FollowOptions,
  ) {
    const connection = connectKafka(access, options.name, options.logger);
    super(connection.name(plainTopic), handler, options);
    this.connection = connection;
  }

  protected async follow(reached: () => void): Promise<void> {
    const ended = new AbortController();
    const consumer = this.connection.kafka.consumer({
      groupId: this.connection.name(`${this.options.name}-${randomUUID()}`),
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
      reached();
      const reason = await Promise.race([silence, this.prove(admin, ended.signal)]);
      if (reason) throw reason;
    } finally {
      ended.abort();
      await Promise.race([Promise.allSettled([consumer.disconnect(), admin.disconnect()]), sleep(DISCONNECT_LIMIT_MS)]);
    }
  }

  private async consume(consumer: Consumer): Promise<void> {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [partition, offset] of this.positions)
        consumer.seek({ topic: this.topic, partition, offset: String(offset) });
    });
    await consumer.subscribe({ topics: [this.topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: (payload) => this.handle(payload) });
  }

  private async handle(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { partition, messages } = batch;
    this.handler(
      messages.map((message): FollowedRecord =>
        message.value === null
          ? { key: message.key?.toString() ?? null, event: null }
          : followed(deliveryOf(this.plainTopic, partition, message)),
      ),
    );
    this.positions.set(partition, BigInt(batch.lastOffset()) + 1n);
    this.checkComplete();
    await payload.heartbeat();
  }

  /** Rejects when the brokers do not answer. */
  private async prove(admin: Admin, ended: AbortSignal): Promise<undefined> {
    while (!ended.aborted) {
      const askedAt = performance.now();
      this.ends = { askedAt, partitions: await admin.fetchTopicOffsets(this.topic) };
      this.checkComplete();
      await sleep(PROOF_MS, undefined, { signal: ended }).catch(() => undefined);
    }
    return undefined;
  }

  /** Calls `complete` if every record before the end offsets has been handled. */
  private checkComplete(): void {
    if (!this.ends) return;
    const { askedAt, partitions } = this.ends;
    const complete = partitions.every(
      ({ partition, low, high }) => low === high || (this.positions.get(partition) ?? 0n) >= BigInt(high),
    );
    if (complete) this.complete(askedAt);
  }
}
