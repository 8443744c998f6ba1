import type { EventEnvelope } from '#events';
import { inSpan, isDatabaseOutage, RolledBack, SpanKind, sqlState, type Tx } from '#platform';
import { EventContext } from './context.js';
import { invoke, type Handlers } from './handlers.js';

/**
 * The transaction cannot continue, because its database is unavailable, full or read-only. No event is parked for this
 * reason.
 */
export class DatabaseLost extends Error {
  constructor(cause: unknown) {
    super(`the database is not available: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'DatabaseLost';
  }
}

/** SQLSTATE 25006: the server has become a read-only replica. */
const isOutageState = (error: unknown): boolean =>
  sqlState(error) === '25006' || (sqlState(error) !== undefined && isDatabaseOutage(error));

export const isOutage = (error: unknown): boolean =>
  error instanceof DatabaseLost || isOutageState(error) || isDatabaseOutage(error);

/**
 * A handler conflicted with other transactions. The event itself is valid, so the batch is rolled back and repeated.
 */
export class BatchInterrupted extends Error {
  constructor(cause: Error) {
    super(`a handler was interrupted: ${cause.message}`, { cause });
    this.name = 'BatchInterrupted';
  }
}

/** The SQLSTATEs mean: lock not available, statement cancelled (time-out), serialisation failure, deadlock. */
export const isInterruption = (error: unknown): boolean =>
  ['55P03', '57014', '40001', '40P01'].includes(sqlState(error) ?? '');

/**
 * How a batch runs. An optimistic run uses no savepoints, so the first failure rolls back the whole transaction. In any
 * other run, each event has its own savepoint.
 */
export interface Run {
  readonly optimistic: boolean;
  /** The failure that ended the preceding optimistic run. It counts as the first attempt to handle its event. */
  readonly rerunReason?: RerunReason;
}

export interface RerunReason {
  readonly eventId: string;
  readonly error: Error;
}

export const OPTIMISTIC: Run = { optimistic: true };
export const WITH_SAVEPOINTS: Run = { optimistic: false };

/** A handler failed in an optimistic run. The transaction is rolled back, and the batch runs again with savepoints. */
export class OptimisticRunFailed extends Error implements RerunReason {
  constructor(
    readonly eventId: string,
    readonly error: Error,
  ) {
    super(`a handler failed: ${error.message}`, { cause: error });
    this.name = 'OptimisticRunFailed';
  }
}

/** Returns how to repeat an optimistic run that ended with `error`, or undefined if savepoints cannot help. */
export function runAfter(error: unknown): Run | undefined {
  if (error instanceof OptimisticRunFailed) return { optimistic: false, rerunReason: error };
  // Postgres reports SQLSTATE 25P02, or answers COMMIT with ROLLBACK, if a handler has ignored the error of a
  // statement.
  return error instanceof RolledBack || sqlState(error) === '25P02' ? WITH_SAVEPOINTS : undefined;
}

/**
 * Runs the handlers of `event`, under a savepoint unless `optimistic` is true. If a handler fails, rolls back to the
 * savepoint and returns the error. Throws {@link DatabaseLost} if Postgres itself reports an outage, or if a savepoint
 * statement fails. ECONNREFUSED alone does not mean an outage, because it may come from an HTTP call of the handler.
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
    // This statement fails if the handler ignored an SQL error. The handler then counts as failed.
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
