import {
  eventKey,
  eventSource,
  owners,
  schemaOf,
  topicOf,
  type EventEnvelope,
  type EventType,
  type Topic,
} from '#events';

/** Number of partitions of every topic, on both carriers. All events of a key are in the same partition. */
export const PARTITIONS = 12;

export interface TopicPartition {
  readonly topic: Topic;
  readonly partition: number;
}

export const partitionId = ({ topic, partition }: TopicPartition): string => `${topic}:${partition}`;

/**
 * Minimum time between the starts of two batches of a busy consumer, because a batch costs more than a few events. An
 * idle consumer starts a batch at once, and a consumer with a backlog does not pause.
 */
export const BATCH_INTERVAL_MS = 20;

export interface EventRow {
  readonly event_id: string;
  readonly topic: string;
  readonly key: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly tenant: string;
  readonly sequence: string;
  readonly time: Date;
  readonly causation_id: string;
  readonly traceparent: string | null;
  readonly data: unknown;
}

/** One record from a carrier: an event, or the bytes of a record that cannot be read. */
export interface Delivery {
  readonly partition: number;
  readonly position: string;
  readonly key: string | null;
  readonly event: EventEnvelope | null;
  readonly unreadable?: { readonly reason: string; readonly raw: Buffer };
}

/** CloudEvents attributes that are not validated yet. */
export type Attributes = { readonly [K in Exclude<keyof EventEnvelope, 'data'>]: unknown };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Throws an Error that names the first fault. Unknown event types are accepted, because a newer version may publish
 * them. Events that the owner of the topic did not publish are refused, whatever the carrier has let through.
 */
export function parseEvent(topic: string, attributes: Attributes, data: unknown): EventEnvelope {
  const { id, type, source, subject, time, tenant, key, causationid, traceparent } = attributes;
  const sequence = Number(attributes.sequence);
  const strings = { type, source, subject, causationid };
  for (const [name, value] of Object.entries(strings))
    if (typeof value !== 'string' || value === '') throw new Error(`attribute "${name}" is missing`);
  if (typeof id !== 'string' || !UUID.test(id)) throw new Error('attribute "id" is not a UUID');
  if (typeof tenant !== 'string' || !UUID.test(tenant)) throw new Error('attribute "tenant" is not a UUID');
  if (!Number.isSafeInteger(sequence) || sequence < 1)
    throw new Error('attribute "sequence" is not a positive integer');
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) throw new Error('attribute "time" is not an instant');
  if (key !== eventKey(tenant, subject as string)) throw new Error('the key is not "tenant:subject"');
  checkOwner(topic, type as string, source as string);
  checkData(type as string, data);
  return {
    id,
    type: type as EventType,
    source: source as string,
    subject: subject as string,
    time,
    tenant,
    key: key,
    sequence,
    causationid: causationid as string,
    traceparent: typeof traceparent === 'string' && traceparent !== '' ? traceparent : null,
    data: data as EventEnvelope['data'],
  };
}

/** A type of another topic is refused too, because handlers of an event type are called whatever its topic is. */
function checkOwner(topic: string, type: string, source: string): void {
  const owner = (owners as Readonly<Record<string, string>>)[topic];
  if (owner === undefined || source !== eventSource(owner))
    throw new Error(`source "${source}" does not own the topic ${topic}; ${owner ?? 'nobody'} does`);
  const home = topicOf(type);
  if (home !== undefined && home !== topic) throw new Error(`${type} belongs to the topic ${home}, not to ${topic}`);
}

/** Throws if the data of a known event type does not match the catalog. Unknown fields are allowed. */
export function checkData(type: string, data: unknown): void {
  const result = schemaOf(type)?.safeParse(data);
  if (result && !result.success) {
    const issue = result.error.issues[0];
    throw new Error(`data of ${type} is invalid at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? ''}`);
  }
}

/** Parses a row of the log. Never throws: a row that cannot be parsed becomes an unreadable delivery. */
export function deliveryOf(row: EventRow & { partition: number; position: string }): Delivery {
  const { partition, position, key } = row;
  try {
    return { partition, position, key, event: eventOf(row) };
  } catch (error) {
    const raw = Buffer.from(JSON.stringify(row));
    return { partition, position, key, event: null, unreadable: { reason: (error as Error).message, raw } };
  }
}

export function eventOf(row: EventRow): EventEnvelope {
  return parseEvent(
    row.topic,
    {
      id: row.event_id,
      type: row.type,
      source: row.source,
      subject: row.subject,
      time: row.time.toISOString(),
      tenant: row.tenant,
      key: row.key,
      sequence: row.sequence,
      causationid: row.causation_id,
      traceparent: row.traceparent,
    },
    row.data,
  );
}
