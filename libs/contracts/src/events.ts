/**
 * The event bus as one service sees it: its outbox, its consumer groups, and the events that are parked for them. Every
 * service that publishes or consumes events answers these paths for itself, with its own database role and Kafka user.
 */
import { Instant, Nested, NestedList, OneOf, Shape, Text, Uuid, Whole } from './fields.js';

export const CARRIERS = ['postgres', 'kafka'] as const;
/** `waiting` events are retried automatically; a `dead` one waits for an administrator. */
export const PARKED_STATES = ['waiting', 'dead'] as const;

const GROUP = { description: 'Consumer group.', example: 'identity-service' };
const TOPIC = { description: 'Topic of the event catalog.', example: 'identity.accounts' };
const KEY = { description: '`tenant:subject`, or the id of the subject alone.', max: 512 };
const BY = { description: 'The person who asks for this, for the record.', example: 'jane.doe' };

export class OutboxState {
  @Whole({ description: 'Events that are stored but not published.' })
  depth!: number;

  @Whole({ description: 'Age of the oldest of them, in whole seconds.' })
  oldestSeconds!: number;
}

export class ConsumerState {
  @Text(GROUP)
  group!: string;

  @Text(TOPIC)
  topic!: string;

  @Whole({ nullable: true, description: 'Events not consumed yet; null while the carrier does not answer.' })
  lag!: number | null;

  @Whole({ description: 'Keys whose events wait because one of them failed.' })
  parkedKeys!: number;

  @Whole({ description: 'Those of them that wait for an administrator.' })
  deadKeys!: number;

  @Whole({ description: 'Events of all parked keys.' })
  parkedEvents!: number;
}

export class EventBusState {
  @OneOf(CARRIERS)
  carrier!: (typeof CARRIERS)[number];

  @Nested(() => OutboxState, { nullable: true, description: 'Null = this service publishes nothing.' })
  outbox!: OutboxState | null;

  @NestedList(() => ConsumerState)
  consumers!: ConsumerState[];
}

export class EventKeyPath {
  @Text(KEY)
  key!: string;
}

export class EventKeyQuery {
  @Text({ ...TOPIC, optional: true })
  topic?: string;

  @Instant({ optional: true, description: 'Events published at or after this instant.' })
  from?: string;

  @Whole({ optional: true, min: 1, max: 1000, description: 'Newest events to answer; 200 if left out.' })
  limit?: number;
}

/** A CloudEvents 1.0 event. */
export class EventBody {
  @Uuid()
  id!: string;

  @Text({ example: 'com.stackflow.identity.account.provisioned.v1' })
  type!: string;

  @Text({ example: '/stackflow/identity-service' })
  source!: string;

  @Text()
  subject!: string;

  @Instant()
  time!: string;

  @Uuid()
  tenant!: string;

  @Text({ max: 512 })
  key!: string;

  @Whole({ min: 1 })
  sequence!: number;

  @Text()
  causationid!: string;

  @Text({ nullable: true })
  traceparent!: string | null;

  @Shape()
  data!: object;
}

export class PublishedEvent {
  @Text(TOPIC)
  topic!: string;

  @Whole()
  partition!: number;

  @Text({ description: 'Offset in the partition; decimal digits.' })
  position!: string;

  @Text({ max: 512 })
  key!: string;

  @Nested(() => EventBody, { nullable: true, description: 'Null = the record cannot be read as an event.' })
  event!: EventBody | null;

  @Text({ nullable: true, max: 4096, description: 'Why the record cannot be read.' })
  fault!: string | null;
}

export class HandledKey {
  @Text(GROUP)
  group!: string;

  @Text(TOPIC)
  topic!: string;

  @Text({ max: 512 })
  key!: string;

  @Whole({ description: 'Highest sequence that the group has handled or parked.' })
  sequence!: number;

  @Instant()
  at!: string;
}

export class EventKeyState {
  @NestedList(() => PublishedEvent, { description: 'In order; the newest `limit` of them.' })
  events!: PublishedEvent[];

  @Whole({ description: 'Older events of the key that are left out.' })
  omitted!: number;

  @NestedList(() => HandledKey, { description: 'How far the groups of this service are with each key.' })
  handled!: HandledKey[];
}

/** Which parked keys; without any filter all of them. */
export class ParkedFilter {
  @Text({ ...GROUP, optional: true })
  group?: string;

  @Text({ ...TOPIC, optional: true })
  topic?: string;

  @Uuid({ optional: true, description: 'Tenant id.' })
  tenant?: string;

  @Text({ optional: true, max: 2000, description: 'Part of the error; also one that the summary shows.' })
  error?: string;
}

export class ParkedQuery extends ParkedFilter {
  @Whole({ optional: true, min: 1, max: 500, description: 'Keys per page; 50 if left out.' })
  limit?: number;

  @Text({ optional: true, max: 4096, description: '`next` of the page before.' })
  cursor?: string;
}

export class ParkedKey {
  @Text(GROUP)
  group!: string;

  @Text(TOPIC)
  topic!: string;

  @Text({ max: 512 })
  key!: string;

  @Whole({ description: 'Sequence of the event that failed.' })
  sequence!: number;

  @Text({ nullable: true, description: 'Its type; null = the record cannot be read as an event.' })
  type!: string | null;

  @OneOf(PARKED_STATES)
  state!: (typeof PARKED_STATES)[number];

  @Whole()
  attempts!: number;

  @Text({ nullable: true, max: 2000, description: 'Null = the event waits for its replay.' })
  error!: string | null;

  @Whole({ min: 1, description: 'Events in the queue of the key, the failed one included.' })
  events!: number;

  @Instant({ nullable: true, description: 'Null = it waits for an administrator.' })
  nextAttempt!: string | null;

  @Instant()
  parkedAt!: string;
}

export class ParkedError {
  @Text(GROUP)
  group!: string;

  @Text(TOPIC)
  topic!: string;

  @Text({ nullable: true, max: 2000, description: 'Ids inside the text are replaced by `<id>`. Null = a replay.' })
  error!: string | null;

  @Whole()
  keys!: number;

  @Whole()
  deadKeys!: number;

  @Whole()
  events!: number;

  @Instant({ description: 'Since when the first of these keys is parked.' })
  since!: string;
}

export class ParkedPage {
  @NestedList(() => ParkedKey)
  keys!: ParkedKey[];

  @Text({ nullable: true, max: 4096, description: 'Cursor of the next page; null at the end.' })
  next!: string | null;

  @NestedList(() => ParkedError, { description: 'All keys that match the filters, counted by error; the most first.' })
  summary!: ParkedError[];
}

/** One key, or without `key` every key of the group that matches. */
export class RetryParked {
  @Text(GROUP)
  group!: string;

  @Text({ ...TOPIC, optional: true })
  topic?: string;

  @Text({ ...KEY, optional: true })
  key?: string;

  @Uuid({ optional: true, description: 'Tenant id.' })
  tenant?: string;

  @Text({ optional: true, max: 2000, description: 'Part of the error; also one that the summary shows.' })
  error?: string;

  @Text(BY)
  by!: string;
}

export class ParkedKeyChange {
  @Text(TOPIC)
  topic!: string;

  @Text({ max: 512 })
  key!: string;

  @Whole({ description: 'Sequence of the event that is retried or was skipped.' })
  sequence!: number;

  @Text({ description: 'Its offset in the partition; decimal digits.' })
  position!: string;

  @Whole({ description: 'Events of the key that wait behind it.' })
  behind!: number;
}

export class RetriedKeys {
  @Whole({ description: 'Keys whose first event is tried again within a second.' })
  keys!: number;

  @Whole({ description: 'Matching keys that only a skip can help: their first record cannot be read as an event.' })
  unreadable!: number;

  @Nested(() => ParkedKeyChange, { nullable: true, description: 'The key, if one was named.' })
  key!: ParkedKeyChange | null;
}

export class SkipParked {
  @Text(GROUP)
  group!: string;

  @Text(KEY)
  key!: string;

  @Text({ ...TOPIC, optional: true })
  topic?: string;

  @Text(BY)
  by!: string;
}

export class ReplayEvents {
  @Text(GROUP)
  group!: string;

  @Text(TOPIC)
  topic!: string;

  @Instant({ optional: true, description: 'Events published at or after this instant; all that are kept if left out.' })
  from?: string;

  @Text({ optional: true, max: 512, description: 'Only this key: `tenant:subject`.' })
  key?: string;

  @Text(BY)
  by!: string;
}

export class ReplayedEvents {
  @Whole({ description: 'Events that were queued; the consumers of the group handle them once more.' })
  queued!: number;
}
