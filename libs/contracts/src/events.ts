/** The event API of each service, for its own outbox, consumer groups and parked events. */
import { Instant, Nested, NestedList, OneOf, Shape, Text, Uuid, Whole } from './fields.js';

export const CARRIERS = ['postgres', 'kafka'] as const;
/** `waiting` events are retried automatically; `dead` events wait for an administrator. */
export const PARKED_STATES = ['waiting', 'dead'] as const;

const GROUP = { description: 'Consumer group.', example: 'identity-service' };
const TOPIC = { description: 'Topic of the event catalog.', example: 'identity.accounts' };
const KEY = { description: '`tenant:subject`, or the id of the subject alone.', max: 512 };
const BY = { description: 'The person who requests the action; written to the log.', example: 'jane.doe' };

export class OutboxState {
  @Whole({ description: 'Events that are stored but not published.' }) depth!: number;
  @Whole({ description: 'Age of the oldest event that is not published, in whole seconds.' }) oldestSeconds!: number;
}

export class ConsumerState {
  @Text(GROUP) group!: string;
  @Text(TOPIC) topic!: string;

  @Whole({
    nullable: true,
    description: 'Number of events that the group has not consumed yet. Null means that the carrier does not answer.',
  })
  lag!: number | null;

  @Whole({ description: 'Keys whose events wait because one of them failed.' }) parkedKeys!: number;
  @Whole({ description: 'Parked keys that wait for an administrator.' }) deadKeys!: number;
  @Whole({ description: 'Events of all parked keys.' }) parkedEvents!: number;
}

export class EventBusState {
  @OneOf(CARRIERS) carrier!: (typeof CARRIERS)[number];

  @Nested(() => OutboxState, { nullable: true, description: 'Null means that this service publishes no events.' })
  outbox!: OutboxState | null;

  @NestedList(() => ConsumerState) consumers!: ConsumerState[];
}

export class EventKeyPath {
  @Text(KEY) key!: string;
}

export class EventKeyQuery {
  @Text({ ...TOPIC, optional: true }) topic?: string;
  @Instant({ optional: true, description: 'Only events published at or after this instant.' }) from?: string;

  @Whole({
    optional: true,
    min: 1,
    max: 1000,
    description: 'Maximum number of events; the newest are returned. 200 if left out.',
  })
  limit?: number;
}

export class EventBody {
  @Uuid() id!: string;
  @Text({ example: 'com.stackflow.identity.account.provisioned.v1' }) type!: string;
  @Text({ example: '/stackflow/identity-service' }) source!: string;
  @Text() subject!: string;
  @Instant() time!: string;
  @Uuid() tenant!: string;
  @Text({ max: 512 }) key!: string;
  @Whole({ min: 1 }) sequence!: number;
  @Text() causationid!: string;
  @Text({ nullable: true }) traceparent!: string | null;
  @Shape() data!: object;
}

export class PublishedEvent {
  @Text(TOPIC) topic!: string;
  @Whole() partition!: number;
  @Text({ description: 'Offset in the partition, as decimal digits.' }) position!: string;
  @Text({ max: 512 }) key!: string;

  @Nested(() => EventBody, { nullable: true, description: 'Null means that the record cannot be read as an event.' })
  event!: EventBody | null;

  @Text({ nullable: true, max: 4096, description: 'Why the record cannot be read.' }) fault!: string | null;
}

export class HandledKey {
  @Text(GROUP) group!: string;
  @Text(TOPIC) topic!: string;
  @Text({ max: 512 }) key!: string;
  @Whole({ description: 'Highest sequence number of the events that the group has handled or parked.' })
  sequence!: number;
  @Instant() at!: string;
}

export class EventKeyState {
  @NestedList(() => PublishedEvent, { description: 'The newest `limit` events of the key, oldest first.' })
  events!: PublishedEvent[];

  @Whole({ description: 'Number of events of the key that are left out, because they are older than `events`.' })
  omitted!: number;

  @NestedList(() => HandledKey, {
    description: 'For each key and each group of this service: the last event that the group has handled or parked.',
  })
  handled!: HandledKey[];
}

/** Selects parked keys. Without any filter, all parked keys are selected. */
export class ParkedFilter {
  @Text({ ...GROUP, optional: true }) group?: string;
  @Text({ ...TOPIC, optional: true }) topic?: string;
  @Uuid({ optional: true, description: 'Tenant id.' }) tenant?: string;

  @Text({
    optional: true,
    max: 2000,
    description: 'Text that the error contains. Ids may be written as `<id>`, as in the summary.',
  })
  error?: string;
}

export class ParkedQuery extends ParkedFilter {
  @Whole({ optional: true, min: 1, max: 500, description: 'Keys per page; 50 if left out.' }) limit?: number;
  @Text({ optional: true, max: 4096, description: '`next` of the previous page.' }) cursor?: string;
}

export class ParkedKey {
  @Text(GROUP) group!: string;
  @Text(TOPIC) topic!: string;
  @Text({ max: 512 }) key!: string;
  @Whole({ description: 'Sequence number of the event that failed.' }) sequence!: number;

  @Text({
    nullable: true,
    description: 'Type of the event that failed. Null means that the record cannot be read as an event.',
  })
  type!: string | null;

  @OneOf(PARKED_STATES) state!: (typeof PARKED_STATES)[number];
  @Whole() attempts!: number;

  @Text({
    nullable: true,
    max: 2000,
    description: 'Null means that the event has not failed, but waits for its replay.',
  })
  error!: string | null;

  @Whole({ min: 1, description: 'Number of events in the queue of the key, including the failed event.' })
  events!: number;

  @Instant({ nullable: true, description: 'Null means that the key waits for an administrator.' })
  nextAttempt!: string | null;

  @Instant() parkedAt!: string;
}

export class ParkedError {
  @Text(GROUP) group!: string;
  @Text(TOPIC) topic!: string;

  @Text({
    nullable: true,
    max: 2000,
    description: 'Error text in which ids are replaced by `<id>`. Null means that the events wait for their replay.',
  })
  error!: string | null;

  @Whole() keys!: number;
  @Whole() deadKeys!: number;
  @Whole() events!: number;
  @Instant({ description: 'Time at which the first of these keys was parked.' }) since!: string;
}

export class ParkedPage {
  @NestedList(() => ParkedKey) keys!: ParkedKey[];

  @Text({ nullable: true, max: 4096, description: 'Cursor of the next page. Null means that this page is the last.' })
  next!: string | null;

  @NestedList(() => ParkedError, {
    description:
      'Parked keys that match the filters, counted by group, topic and error. The entry with the most keys comes first.',
  })
  summary!: ParkedError[];
}

/** Retries one key or, without `key`, every key of the group that matches the filters. */
export class RetryParked {
  @Text(GROUP) group!: string;
  @Text({ ...TOPIC, optional: true }) topic?: string;
  @Text({ ...KEY, optional: true }) key?: string;
  @Uuid({ optional: true, description: 'Tenant id.' }) tenant?: string;

  @Text({
    optional: true,
    max: 2000,
    description: 'Text that the error contains. Ids may be written as `<id>`, as in the summary.',
  })
  error?: string;

  @Text(BY) by!: string;
}

export class ParkedKeyChange {
  @Text(TOPIC) topic!: string;
  @Text({ max: 512 }) key!: string;
  @Whole({ description: 'Sequence number of the event that is retried or was skipped.' }) sequence!: number;
  @Text({ description: 'Offset of this event in the partition, as decimal digits.' }) position!: string;
  @Whole({ description: 'Number of events of the key that wait behind this event.' }) behind!: number;
}

export class RetriedKeys {
  @Whole({ description: 'Number of keys whose first event is tried again within a second.' }) keys!: number;

  @Whole({
    description:
      'Number of matching keys whose first record cannot be read as an event. Only a skip can unblock these keys.',
  })
  unreadable!: number;

  @Nested(() => ParkedKeyChange, {
    nullable: true,
    description: 'The key that the request named. Null means that the request named no key.',
  })
  key!: ParkedKeyChange | null;
}

export class SkipParked {
  @Text(GROUP) group!: string;
  @Text(KEY) key!: string;
  @Text({ ...TOPIC, optional: true }) topic?: string;
  @Text(BY) by!: string;
}

export class ReplayEvents {
  @Text(GROUP) group!: string;
  @Text(TOPIC) topic!: string;

  @Instant({
    optional: true,
    description: 'Only events published at or after this instant. If left out, all stored events are replayed.',
  })
  from?: string;

  @Text({ optional: true, max: 512, description: 'Only this key: `tenant:subject`.' }) key?: string;
  @Text(BY) by!: string;
}

export class ReplayedEvents {
  @Whole({ description: 'Number of queued events, which the consumers of the group handle again.' }) queued!: number;
}
