import type { Topic } from '#events';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../../session.js';
import type { Delivery } from '../../record.js';
import { ReadRefused, type EventSource, type ReadRange } from '../../source.js';
import type { KafkaConnection } from './client.js';
import { deliveryOf } from './message.js';

export class KafkaSource implements EventSource {
  /** `user` begins the names of the temporary groups, which the brokers allow to the user of this name. */
  constructor(
    private readonly connection: KafkaConnection,
    private readonly user: string,
  ) {}

  read({ topic, from, key }: ReadRange, page: (deliveries: readonly Delivery[]) => Promise<void>): Promise<void> {
    const groupId = this.connection.name(`${this.user}-reader-${randomUUID()}`);
    return readTopic(this.connection, groupId, topic, from, (deliveries) => {
      const chosen = key === undefined ? deliveries : deliveries.filter((d) => d.key === key);
      return chosen.length > 0 ? page(chosen) : Promise.resolve();
    }).catch((error: Error & { type?: string }) => {
      throw error.type === 'TOPIC_AUTHORIZATION_FAILED' ? new ReadRefused(topic) : error;
    });
  }

  lag(_schema: string, group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return groupLag(this.connection, group, topics);
  }
}

const TRIES = 6;

/** Repeats a read while a partition has no leader, e.g. because its topic is new. kafkajs does not repeat it then. */
async function retried<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await read();
    } catch (error) {
      if (attempt === TRIES || !(error as { retriable?: boolean }).retriable) throw error;
      await sleep(backoffMs(attempt, 50, 1_000));
    }
}

/**
 * Counts, per topic, the events that the group has not consumed. A group without committed offsets has consumed none.
 */
async function groupLag(
  { kafka, name }: KafkaConnection,
  group: string,
  topics: readonly string[],
): Promise<Map<string, number>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const committed = await admin.fetchOffsets({ groupId: name(group), topics: topics.map(name) });
    const lag = new Map<string, number>();
    for (const topic of topics) {
      const ends = await retried(() => admin.fetchTopicOffsets(name(topic)));
      const offsets = committed.find((c) => c.topic === name(topic))?.partitions ?? [];
      const behind = ends.map(({ partition, high, low }) => {
        const offset = Number(offsets.find((o) => o.partition === partition)?.offset ?? -1);
        return Math.max(0, Number(high) - (offset < 0 ? Number(low) : offset));
      });
      lag.set(
        topic,
        behind.reduce((a, b) => a + b, 0),
      );
    }
    return lag;
  } finally {
    await admin.disconnect();
  }
}

/**
 * Reads `topic` from `from`, or from its beginning if `from` is undefined. Stops at the end offsets that the topic has
 * when the function is called. Reads as a temporary consumer group, because kafkajs reads only as a member of a group, and
 * deletes the group afterwards.
 */
async function readTopic(
  connection: KafkaConnection,
  groupId: string,
  topic: Topic,
  from: Date | undefined,
  page: (deliveries: readonly Delivery[]) => Promise<void>,
): Promise<void> {
  const { kafka, name } = connection;
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 50 });
  await admin.connect();
  try {
    const ends = await retried(() => admin.fetchTopicOffsets(name(topic)));
    const starts = from
      ? await retried(() => admin.fetchTopicOffsetsByTimestamp(name(topic), from.getTime()))
      : ends.map((e) => ({ partition: e.partition, offset: e.low }));
    const next = new Map(starts.map((s) => [s.partition, BigInt(s.offset)]));
    const left = new Map(
      ends.filter((e) => (next.get(e.partition) ?? 0n) < BigInt(e.high)).map((e) => [e.partition, BigInt(e.high)]),
    );
    if (left.size === 0) return;
    await consumer.connect();
    await consumer.subscribe({ topics: [name(topic)], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer.on(consumer.events.GROUP_JOIN, () => {
        for (const [partition, offset] of next)
          consumer.seek({ topic: name(topic), partition, offset: String(offset) });
      });
      const eachBatch = async ({
        batch,
      }: {
        batch: { partition: number; messages: Parameters<typeof deliveryOf>[2][]; lastOffset(): string };
      }) => {
        const end = left.get(batch.partition);
        const start = next.get(batch.partition) ?? 0n;
        if (end === undefined) return;
        await page(
          batch.messages
            .filter((m) => BigInt(m.offset) >= start && BigInt(m.offset) < end)
            .map((m) => deliveryOf(topic, batch.partition, m)),
        ).catch(reject);
        next.set(batch.partition, BigInt(batch.lastOffset()) + 1n);
        if (BigInt(batch.lastOffset()) + 1n >= end) left.delete(batch.partition);
        if (left.size === 0) resolve();
      };
      consumer.run({ autoCommit: false, eachBatch }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await admin.disconnect();
  }
}
