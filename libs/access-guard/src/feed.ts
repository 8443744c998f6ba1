import { followTopic, type FollowedRecord, type FollowOptions, type FollowSource } from '#event-bus';
import type { EventEnvelope } from '#events';
import type { AccessRecord } from './view.js';

/** Receives the records of `identity.access`, in order per account. */
export interface AccessSink {
  changed(record: AccessRecord): void;
  /** The record was deleted from the topic (Kafka: a tombstone). */
  removed(tenantId: string, accountId: string): void;
  /**
   * The newest record of the account cannot be read. Both ids come from the record's key, and are empty if it has no
   * key.
   */
  unreadable(tenantId: string, accountId: string, why: string): void;
}

export interface AccessFeed {
  start(sink: AccessSink): void;
  /** The last time (performance.now()) at which the sink had all records of the topic; undefined if never. */
  completeAt(): number | undefined;
  close(): Promise<void>;
}

const TOPIC = 'identity.access';
const TYPE = 'com.stackflow.identity.access.changed.v1';

/** Follows `identity.access` from its beginning. On Postgres it needs only SELECT on `bus.event_log`. */
export function busFeed(source: FollowSource, options: FollowOptions): AccessFeed {
  let follower: ReturnType<typeof followTopic> | undefined;
  return {
    start(sink) {
      follower = followTopic(source, TOPIC, (records) => records.forEach((record) => deliver(record, sink)), options);
    },
    completeAt: () => follower?.completeAt(),
    close: async () => follower?.close(),
  };
}

function deliver(record: FollowedRecord, sink: AccessSink): void {
  const [tenantId = '', accountId = ''] = (record.key ?? '').split(':');
  if (record.unreadable !== undefined) sink.unreadable(tenantId, accountId, record.unreadable);
  else if (record.event === null) sink.removed(tenantId, accountId);
  else if (isAccessChange(record.event)) sink.changed(accessRecord(record.event));
  // Ignore event types that this version does not know. A new type never restricts access that a v1 type grants.
}

const isAccessChange = (event: EventEnvelope): event is EventEnvelope<typeof TYPE> => event.type === TYPE;

function accessRecord({ tenant, subject, sequence, data }: EventEnvelope<typeof TYPE>): AccessRecord {
  const notBefore = data.notBefore === null ? null : Date.parse(data.notBefore);
  return { tenantId: tenant, accountId: subject, status: data.status, roles: data.roles, notBefore, version: sequence };
}
