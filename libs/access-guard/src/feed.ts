/** Feeds the view from the topic `identity.access`, on either carrier. */
import { followTopic, type FollowedRecord, type FollowOptions, type FollowSource } from '#event-bus';
import type { EventEnvelope } from '#events';
import type { AccessRecord } from './view.js';

/** Receives the records of the feed. The records of one account arrive in the order of the topic. */
export interface AccessSink {
  changed(record: AccessRecord): void;
  /** Called if the record was deleted from the topic (Kafka: a tombstone). */
  removed(tenantId: string, accountId: string): void;
  /**
   * Called if the newest record of the account cannot be read. Account and tenant come from the record's key. Both are
   * empty if the record has no key.
   */
  unreadable(tenantId: string, accountId: string, why: string): void;
}

export interface AccessFeed {
  /** Starts to follow the topic, and returns at once. */
  start(sink: AccessSink): void;
  /**
   * Returns the last time (performance.now()) at which the sink had all records of the topic. Returns undefined if that
   * has never been the case.
   */
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
  // Any other event type is newer than this version. Ignoring it is safe, because a new type never restricts access
  // that a v1 type grants.
}

const isAccessChange = (event: EventEnvelope): event is EventEnvelope<typeof TYPE> => event.type === TYPE;

function accessRecord({ tenant, subject, sequence, data }: EventEnvelope<typeof TYPE>): AccessRecord {
  const notBefore = data.notBefore === null ? null : Date.parse(data.notBefore);
  return { tenantId: tenant, accountId: subject, status: data.status, roles: data.roles, notBefore, version: sequence };
}
