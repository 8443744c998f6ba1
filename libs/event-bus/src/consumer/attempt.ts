/** One attempt at one event; a failed attempt leaves nothing behind. */
import type { EventEnvelope } from '#events';
import { inSpan, isDatabaseOutage, RolledBack, SpanKind, sqlState, type Tx } from '#platform';
import { EventContext } from './context.js';
import { invoke, type Handlers } from './handlers.js';

/** The transaction cannot continue: its database is gone, full or read-only. Never a reason to park an event. */
export class DatabaseLost extends Error {
  constructor(cause: unknown) {
    super(`the database is not available: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'DatabaseLost';
  }
}

/** 25006: the server has become a read-only replica. */
const isOutageState = (error: unknown): boolean =>
  sqlState(error) === '25006' || (sqlState(error) !== undefined && isDatabaseOutage(error));

/** An outage fails every batch alike, so it is no reason to retry the partitions of a batch separately. */
export const isOutage = (error: unknown): boolean =>
  error instanceof DatabaseLost || isOutageState(error) || isDatabaseOutage(error);

/** A handler collided with other transactions. Its event is not at fault: the batch is rolled back and repeated. */
export class BatchInterrupted extends Error {
  constructor(cause: Error) {
    super(`a handler was interrupted: ${cause.message}`, { cause });
    this.name = 'BatchInterrupted';
  }
}

/** Lock not available, statement cancelled (time-out), serialisation failure, deadlock. */
export const isInterruption = (error: unknown): boolean =>
  ['55P03', '57014', '40001', '40P01'].includes(sqlState(error) ?? '');

/**
 * How a batch runs. Optimistic: no savepoints; the first failure rolls back the whole transaction. Otherwise each event
 * runs under a savepoint of its own.
 */
export interface Run {
  readonly optimistic: boolean;
  /** The failure that ended the optimistic run before this one; it counts as the first attempt of its event. */
  readonly rerunReason?: RerunReason;
}

export interface RerunReason {
  readonly eventId: string;
  readonly error: Error;
}

export const OPTIMISTIC: Run = { optimistic: true };
export const WITH_SAVEPOINTS: Run = { optimistic: false };

/** A handler failed in an optimistic run: the transaction is rolled back and run again with savepoints. */
export class OptimisticRunFailed extends Error implements RerunReason {
  constructor(
    readonly eventId: string,
    readonly error: Error,
  ) {
    super(`a handler failed: ${error.message}`, { cause: error });
    this.name = 'OptimisticRunFailed';
  }
}

/** The run that follows an optimistic one which ended with `error`; undefined if savepoints cannot help. */
export function runAfter(error: unknown): Run | undefined {
  if (error instanceof OptimisticRunFailed) return { optimistic: false, rerunReason: error };
  // 25P02, or COMMIT answered with ROLLBACK: a statement failed, and its handler ignored that.
  return error instanceof RolledBack || sqlState(error) === '25P02' ? WITH_SAVEPOINTS : undefined;
}

/**
 * Runs the handlers of `event`, unless `optimistic` under a savepoint. Returns a handler's error; with a savepoint its
 * writes are undone. Throws {@link DatabaseLost} if the transaction itself is lost. A statement on the transaction
 * decides that, because an ECONNREFUSED may come from an HTTP call of the handler.
 */
export async function attemptEvent(
  tx: Tx,
  handlers: Handlers,
  event: EventEnvelope,
  context: EventContext,
  optimistic: boolean,
): Promise<Error | undefined> {
  const attributes = {
    'messaging.system': 'stackflow',
    'messaging.destination.name': context.topic,
    'messaging.consumer.group.name': context.group,
    'messaging.message.id': event.id,
  };
  if (!optimistic) await queryOrLost(tx, 'savepoint event');
  try {
    await inSpan(`process ${event.type}`, { kind: SpanKind.CONSUMER, traceparent: event.traceparent, attributes }, () =>
      invoke(handlers.for(event, context.topic), event, context),
    );
    // Fails if the handler ignored an SQL error; then the handler has failed.
    if (!optimistic) await tx.query('release savepoint event');
    return undefined;
  } catch (error) {
    if (!optimistic) await queryOrLost(tx, 'rollback to savepoint event');
    if (isOutageState(error)) throw new DatabaseLost(error);
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function queryOrLost(tx: Tx, sql: string): Promise<void> {
  try {
    await tx.query(sql);
  } catch (error) {
    throw new DatabaseLost(error);
  }
}
