/**
 * The outbox: events that commit or vanish with the facts they tell about.
 *
 * Invariant of every writer: lock the aggregate's row -> bump its version -> insert into the outbox, in one
 * transaction. Then the order of outbox ids equals the order of versions per key, whatever else the transaction does
 * (measured: readers that rely on anything else lose 9 % or reorder 6-12 % of events under concurrency). A writer
 * without a row to lock takes `pg_advisory_xact_lock(hashtextextended(key, 0))` first.
 */
import { eventKey, topicOf, type EventData, type EventType } from '#events';
import { currentTraceparent, prepared, Tx, type Prepared } from '#platform';
import { checkData } from './record.js';
import { identifier } from './schema.sql.js';

export interface NewEvent<T extends EventType = EventType> {
  readonly type: T;
  readonly tenant: string;
  /** Id of the user, group, account or tenant that the event is about. */
  readonly subject: string;
  /** Version of the subject after this change; strictly +1 per event of a subject. */
  readonly sequence: number;
  /** Id of the request (or command) that caused the change. */
  readonly causationId: string;
  readonly data: EventData<T>;
  /** When the change happened; now, if left out. */
  readonly time?: Date;
  /** For a change made in a batch: the trace of what asked for it. The current one, if left out. */
  readonly traceparent?: string | null;
}

/** Bytes of JSON that the data of one event may have; Kafka's default limit of a record is 1 MiB with headers. */
export const MAX_EVENT_BYTES = 1_000_000;

/** Parameters that {@link Outbox.parameters} returns and {@link Outbox.insertSql} consumes. */
export const OUTBOX_PARAMETER_COUNT = 11;

const COLUMNS = [
  'topic',
  'key',
  'type',
  'subject',
  'tenant',
  'sequence',
  'time',
  'causation_id',
  'traceparent',
  'data',
] as const;
const ARRAY_TYPES = [
  'text[]',
  'text[]',
  'text[]',
  'text[]',
  'uuid[]',
  'bigint[]',
  'timestamptz[]',
  'text[]',
  'text[]',
  'jsonb[]',
] as const;

export class Outbox {
  private readonly listeners: (() => void)[] = [];
  private readonly addSql: Prepared;

  /** `schema` holds the outbox table; `source` is the CloudEvents source, e.g. `/stackflow/scim-gateway`. */
  constructor(
    private readonly schema: string,
    private readonly source: string,
  ) {
    identifier(schema);
    this.addSql = prepared(this.insertSql(1));
  }

  /**
   * Stores the events in the order given. Nothing is published unless `tx` commits; once it has, everything will be.
   * Refuses anything but an open transaction, and data that the catalog does not allow or that is over 1 MB.
   */
  async add(tx: Tx, events: readonly NewEvent[]): Promise<void> {
    if (!(tx instanceof Tx))
      throw new TypeError(
        'Outbox.add needs the open transaction (Tx) that changes the facts; without it a crash would lose the event or publish a lie',
      );
    if (events.length === 0) return;
    await tx.query(this.addSql, this.parameters(events));
    if (this.listeners.length > 0) tx.afterCommit(() => this.stored());
  }

  /**
   * For writes in one statement: an INSERT that stores the events if the CTE `guardCte` has a row, i.e. if the change
   * took place. Its parameters `$first`.. are those of {@link parameters}. Call {@link stored} after the commit.
   * The caller's statement must still lock the aggregate (UPDATE or INSERT of its row) in `guardCte` itself.
   */
  insertSql(firstParameter: number, guardCte?: string): string {
    const arrays = ARRAY_TYPES.map((type, i) => `$${firstParameter + i}::${type}`).join(', ');
    const guard = guardCte === undefined ? '' : `where exists (select 1 from ${identifier(guardCte)}) `;
    return (
      `insert into ${this.schema}.outbox (source, ${COLUMNS.join(', ')}) ` +
      `select $${firstParameter + ARRAY_TYPES.length}::text, ${COLUMNS.map((c) => `e.${c}`).join(', ')} ` +
      `from unnest(${arrays}) with ordinality as e(${COLUMNS.join(', ')}, ordinality) ${guard}order by e.ordinality`
    );
  }

  parameters(events: readonly NewEvent[]): unknown[] {
    const traceparent = currentTraceparent();
    const rows = events.map((event) => outboxRow(event, traceparent));
    return [...COLUMNS.map((_, i) => rows.map((row) => row[i])), this.source];
  }

  /** Registers what runs after events were stored and committed, e.g. `() => sequencer.poke()`. A hint only. */
  onStored(listener: () => void): void {
    this.listeners.push(listener);
  }

  stored(): void {
    for (const listener of this.listeners) listener();
  }
}

function outboxRow(event: NewEvent, traceparent: string | null): unknown[] {
  const topic = topicOf(event.type);
  if (topic === undefined) throw new TypeError(`unknown event type ${event.type}`);
  if (!Number.isSafeInteger(event.sequence) || event.sequence < 1)
    throw new TypeError(`sequence of ${event.type} must be a positive integer, not ${event.sequence}`);
  checkData(event.type, event.data);
  const data = JSON.stringify(event.data);
  const bytes = Buffer.byteLength(data);
  if (bytes > MAX_EVENT_BYTES)
    throw new RangeError(`data of ${event.type} has ${bytes} bytes; an event carries at most ${MAX_EVENT_BYTES}`);
  const time = (event.time ?? new Date()).toISOString();
  return [
    topic,
    eventKey(event.tenant, event.subject),
    event.type,
    event.subject,
    event.tenant,
    event.sequence,
    time,
    event.causationId,
    event.traceparent === undefined ? traceparent : event.traceparent,
    data,
  ];
}
