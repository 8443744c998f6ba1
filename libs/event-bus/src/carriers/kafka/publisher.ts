/** Sends outbox rows to Kafka (idempotent producer, all in-sync replicas, one request in flight), then deletes them. */
import type { Topic } from '#events';
import type { Logger } from '#platform';
import { Partitioners, type Message, type Producer } from 'kafkajs';
import type { Client } from 'pg';
import { batchSql, CarrierUnavailable, type Publisher } from '../../producer/publisher.js';
import type { EventRow } from '../../record.js';
import { identifier } from '../../schema.sql.js';
import type { KafkaConnection } from './client.js';
import { messageOf } from './message.js';

export class KafkaPublisher implements Publisher {
  private producer: Producer | undefined;

  constructor(
    private readonly connection: KafkaConnection,
    private readonly schema: string,
    private readonly topics: readonly Topic[],
    private readonly logger: Logger,
  ) {
    identifier(schema);
  }

  /**
   * Deletes need no synchronous commit. If a database crash undoes a delete, the batch is sent again, and the inbox of
   * each consumer drops the repetitions.
   */
  async prepare(session: Client): Promise<void> {
    await session.query('set synchronous_commit = off');
  }

  async move(session: Client): Promise<number> {
    const { rows } = await session.query<EventRow & { id: string; lane: number }>({
      name: 'outbox',
      text: `with chosen as materialized (${batchSql(this.schema)})
             select *, row_number() over (partition by lane, tenant order by id) as turn
             from ${this.schema}.outbox where ctid = any(array(select at from chosen)) order by lane, turn, id`,
    });
    if (rows.length === 0) return 0;
    await this.send(rows);
    await session.query({
      name: 'sent',
      text: `delete from ${this.schema}.outbox where ctid = any(array(
               select o.at from unnest($1::smallint[], $2::uuid[], $3::bigint[]) as s(lane, tenant, id) cross join lateral (
                 select ctid as at from ${this.schema}.outbox where lane = s.lane and tenant = s.tenant and id = s.id limit 1) o))`,
      values: [rows.map((row) => row.lane), rows.map((row) => row.tenant), rows.map((row) => row.id)],
    });
    return rows.length;
  }

  async close(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await producer
      ?.disconnect()
      .catch((error: unknown) => this.logger.debug({ err: error }, 'the producer did not disconnect cleanly'));
  }

  /**
   * Sends events and preserves their order per key. After any error the producer is replaced, because an idempotent
   * producer does not recover from a sequence error (kafkajs #598). The new producer may send events again.
   */
  private async send(events: readonly EventRow[]): Promise<void> {
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
      throw new CarrierUnavailable(error);
    }
  }

  private async connect(): Promise<Producer> {
    await this.connection.ensureTopics(this.topics);
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
