/**
 * Converts events to Kafka messages and back (CloudEvents 1.0, Kafka binding, binary mode): attributes are `ce_*`
 * headers, and the value is the data as JSON.
 */
import type { Topic } from '#events';
import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import { parseEvent, type Delivery, type EventRow } from '../../record.js';

export function messageOf(row: EventRow): Message {
  return {
    key: row.key,
    value: JSON.stringify(row.data),
    timestamp: String(row.time.getTime()),
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: row.event_id,
      ce_type: row.type,
      ce_source: row.source,
      ce_subject: row.subject,
      ce_time: row.time.toISOString(),
      ce_tenant: row.tenant,
      ce_sequence: String(row.sequence),
      ce_causationid: row.causation_id,
      ce_partitionkey: row.key,
      ...(row.traceparent !== null && { ce_traceparent: row.traceparent }),
    },
  };
}

export function deliveryOf(topic: Topic, partition: number, message: KafkaMessage): Delivery {
  const key = message.key?.toString() ?? null;
  const at = { partition, position: message.offset, key };
  try {
    const header = (name: string) => headerText(message.headers, name);
    const attributes = {
      id: header('ce_id'),
      type: header('ce_type'),
      source: header('ce_source'),
      subject: header('ce_subject'),
      time: header('ce_time'),
      tenant: header('ce_tenant'),
      key,
      sequence: header('ce_sequence'),
      causationid: header('ce_causationid'),
      traceparent: header('ce_traceparent'),
    };
    return { ...at, event: parseEvent(topic, attributes, JSON.parse(message.value?.toString() ?? '')) };
  } catch (error) {
    return {
      ...at,
      event: null,
      unreadable: { reason: (error as Error).message, raw: message.value ?? Buffer.alloc(0) },
    };
  }
}

export const tenantOf = (message: KafkaMessage): string | undefined => headerText(message.headers, 'ce_tenant');

function headerText(headers: IHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name];
  return (Array.isArray(value) ? value[0] : value)?.toString();
}
