/**
 * Events that commit, or are rolled back, together with the change that they announce.
 *
 * Every writer locks the subject's row, increments its version, and inserts into the outbox, in one transaction and in
 * this order. Ids in the outbox then follow the versions of each key. In measurements with any other order, concurrent
 * writers lost 9 % of the events or reordered 6-12 % of them. A writer without a row to lock first takes
 * `pg_advisory_xact_lock(hashtextextended(key, 0))`.
 */
import { eventKey, eventSource, topicOf, urgentTopics, type EventData, type EventType } from '#events';
import { currentTraceparent, prepared, Tx, type Prepared } from '#platform';
import { checkData } from '../record.js';
import { identifier, OTHER, URGENT } from '../schema.sql.js';

export interface NewEvent<T extends EventType = EventType> {
  readonly type: T;
  readonly tenant: string;
  readonly subject: string;
  /** Version of the subject after this change. It increases by exactly 1 with each event of the subject. */
  readonly sequence: number;
  readonly causationId: string;
  readonly data: EventData<T>;
  /** Time of the change; the current time if left out. */
  readonly time?: Date;
  /**
   * Trace of the request that caused the change, for changes that are made in batches. If left out, the current trace
   * is used.
   */
  readonly traceparent?: string | null;
  /**
   * Whether the event is published before all events that are not urgent, e.g. because it closes access. Events of
   * urgent topics always are. Other events of its key may wait, see {@link Outbox.expedite}.
   */
  readonly urgent?: boolean;
}

/** Maximum size of the JSON data of one event, in bytes. Kafka's default limit for a record with headers is 1 MiB. */
export const MAX_EVENT_BYTES = 1_000_000;

const TYPES = {
  topic: 'text',
  key: 'text',
  type: 'text',
  subject: 'text',
  tenant: 'uuid',
  sequence: 'bigint',
  time: 'timestamptz',
  causation_id: 'text',
  traceparent: 'text',
  data: 'jsonb',
  lane: 'smallint',
} as const;
const COLUMNS = Object.keys(TYPES) as (keyof typeof TYPES)[];

export const OUTBOX_PARAMETER_COUNT = COLUMNS.length + 1;

export class Outbox {
  private readonly listeners: (() => void)[] = [];
  private readonly addSql: Prepared;

  private readonly source: string;

  /** `schema` contains the outbox table. Consumers accept only events of topics that `service` owns. */
  constructor(
    private readonly schema: string,
    service: string,
  ) {
    this.source = eventSource(service);
    identifier(schema);
    this.addSql = prepared(this.insertSql(1));
  }

  /**
   * Stores the events in the order given. They are published if, and only if, `tx` commits. Rejects if `tx` is not an
   * open transaction, if the catalog does not allow the data, or if the data is larger than 1 MB.
   */
  async add(tx: Tx, events: readonly NewEvent[]): Promise<void> {
    if (!(tx instanceof Tx))
      throw new TypeError(
        'Outbox.add needs the open transaction (Tx) that makes the change; without it a crash would lose the event or announce a change that never happened',
      );
    if (events.length === 0) return;
    await this.expedite(tx, events);
    await tx.query(this.addSql, this.parameters(events));
    if (this.listeners.length > 0) tx.afterCommit(() => this.stored());
  }

  /**
   * Returns an INSERT for writers that make the change and store its events in one statement. The INSERT stores the
   * events only if the CTE `guardCte` returns a row, which must mean that the change was made. `guardCte` must lock the
   * subject's row by UPDATE or INSERT. The parameters begin at `$firstParameter`; {@link parameters} returns their
   * values. Call {@link stored} after the commit.
   */
  insertSql(firstParameter: number, guardCte?: string): string {
    const arrays = COLUMNS.map((column, i) => `$${firstParameter + i}::${TYPES[column]}[]`).join(', ');
    const guard = guardCte === undefined ? '' : `where exists (select 1 from ${identifier(guardCte)}) `;
    return (
      `insert into ${this.schema}.outbox (source, ${COLUMNS.join(', ')}) ` +
      `select $${firstParameter + COLUMNS.length}::text, ${COLUMNS.map((c) => `e.${c}`).join(', ')} ` +
      `from unnest(${arrays}) with ordinality as e(${COLUMNS.join(', ')}, ordinality) ${guard}order by e.ordinality`
    );
  }

  /**
   * Makes waiting events urgent if they have the key of one of these urgent events, so that the order per key is
   * preserved. The subject's row is locked, so every earlier event of the key is committed. {@link add} calls it; call it
   * before a statement of {@link insertSql} that stores urgent events.
   */
  async expedite(tx: Tx, events: readonly NewEvent[]): Promise<void> {
    const urgent = events.filter(overtakes);
    if (urgent.length === 0) return;
    // The sequencer deletes rows in the order of their addresses too, so the two cannot deadlock.
    await tx.query(
      `update ${this.schema}.outbox set lane = ${URGENT} where ctid = any(array(
         select ctid from ${this.schema}.outbox where lane = ${OTHER} and tenant = any($1::uuid[])
           and (topic, key) in (select * from unnest($2::text[], $3::text[]))))`,
      [
        [...new Set(urgent.map((event) => event.tenant))],
        urgent.map((event) => topicOf(event.type)),
        urgent.map((event) => eventKey(event.tenant, event.subject)),
      ],
    );
  }

  parameters(events: readonly NewEvent[]): unknown[] {
    const traceparent = currentTraceparent();
    const rows = events.map((event) => outboxRow(event, traceparent));
    return [...COLUMNS.map((column) => rows.map((row) => row[column])), this.source];
  }

  /**
   * Registers a listener that runs after events were stored and committed, e.g. `() => sequencer.wake()`. After a crash
   * the listener may not run.
   */
  onStored(listener: () => void): void {
    this.listeners.push(listener);
  }

  stored(): void {
    for (const listener of this.listeners) listener();
  }
}

const isUrgentTopic = (event: NewEvent): boolean => urgentTopics.some((topic) => topic === topicOf(event.type));

/** Whether the event may overtake earlier events of its own topic. */
const overtakes = (event: NewEvent): boolean => event.urgent === true && !isUrgentTopic(event);

function outboxRow(event: NewEvent, currentTrace: string | null): Record<keyof typeof TYPES, unknown> {
  const { type, tenant, subject, sequence, causationId, time = new Date(), traceparent = currentTrace } = event;
  const topic = topicOf(type);
  if (topic === undefined) throw new TypeError(`unknown event type ${type}`);
  if (!Number.isSafeInteger(sequence) || sequence < 1)
    throw new TypeError(`sequence of ${type} must be a positive integer, not ${sequence}`);
  checkData(type, event.data);
  const data = JSON.stringify(event.data);
  const bytes = Buffer.byteLength(data);
  if (bytes > MAX_EVENT_BYTES)
    throw new RangeError(`data of ${type} has ${bytes} bytes; the maximum is ${MAX_EVENT_BYTES}`);
  const key = eventKey(tenant, subject);
  return {
    topic,
    key,
    type,
    subject,
    tenant,
    sequence,
    time: time.toISOString(),
    causation_id: causationId,
    traceparent,
    data,
    lane: event.urgent || isUrgentTopic(event) ? URGENT : OTHER,
  };
}
