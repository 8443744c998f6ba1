/** Publishes outbox rows to Kafka: idempotent producer, all in-sync replicas, one request in flight. */
import type { Logger } from '#platform';
import { Partitioners, type Message, type Producer } from 'kafkajs';
import type { EventRow } from '../record.js';
import type { EventPublisher } from '../sequencer.js';
import type { KafkaConnection } from './client.js';
import { messageOf } from './message.js';

export class KafkaPublisher implements EventPublisher {
  private producer: Producer | undefined;

  constructor(
    private readonly connection: KafkaConnection,
    private readonly logger: Logger,
  ) {}

  /**
   * Any error makes the producer be thrown away: an idempotent one does not recover from a sequence fault
   * (kafkajs #598). The new one may repeat what the old one had sent; the consumers' gate drops that.
   */
  async publish(events: readonly EventRow[]): Promise<void> {
    const byTopic = new Map<string, Message[]>();
    for (const event of events) {
      const messages = byTopic.get(event.topic) ?? [];
      messages.push(messageOf(event));
      byTopic.set(event.topic, messages);
    }
    try {
      this.producer ??= await this.connect();
      const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic: this.connection.name(topic), messages }));
      await this.producer.sendBatch({ acks: -1, timeout: 10_000, topicMessages });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await producer
      ?.disconnect()
      .catch((error: unknown) => this.logger.debug({ err: error }, 'the producer did not disconnect cleanly'));
  }

  private async connect(): Promise<Producer> {
    await this.connection.ensureTopics();
    const producer = this.connection.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 100, retries: 4, maxRetryTime: 2_000 },
    });
    await producer.connect();
    return producer;
  }
}
