/** One attempt at one event, undone without a trace if it fails. */
import type { EventEnvelope } from '#events';
import { inSpan, isDatabaseOutage, RolledBack, SpanKind, sqlState, type Tx } from '#platform';
import { EventContext } from './context.js';
import { invoke, type Handlers } from './handlers.js';

/** The transaction cannot go on because its database is gone, full or read-only. Never a reason to park an event. */
export class DatabaseLost extends Error {
  constructor(cause: unknown) {
    super(`the database is not available: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'DatabaseLost';
  }
}

/** 25006: the server has become a read-only replica. */
const isOutageState = (error: unknown): boolean =>
  sqlState(error) === '25006' || (sqlState(error) !== undefined && isDatabaseOutage(error));

/** No chunk would fare better by itself. */
export const isOutage = (error: unknown): boolean =>
  error instanceof DatabaseLost || isOutageState(error) || isDatabaseOutage(error);

/** A handler met other transactions, not a fault of its event: the chunk is rolled back and repeated. */
export class ChunkInterrupted extends Error {
  constructor(cause: Error) {
    super(`a handler was interrupted: ${cause.message}`, { cause });
    this.name = 'ChunkInterrupted';
  }
}

/** Lock not available, statement cancelled (time-out), serialisation failure, deadlock. */
export const isInterruption = (error: unknown): boolean =>
  ['55P03', '57014', '40001', '40P01'].includes(sqlState(error) ?? '');

/** Why handlers are not trusted: which event failed in a transaction that trusted all, and how, if that is known. */
export interface Doubt {
  readonly failed: { readonly eventId: string; readonly error: Error } | null;
}

export const NO_TRUST: Doubt = { failed: null };

/** All of the transaction is undone, and done again with savepoints. */
export class TrustBetrayed extends Error {
  constructor(
    readonly eventId: string,
    readonly error: Error,
  ) {
    super(`a handler failed: ${error.message}`, { cause: error });
    this.name = 'TrustBetrayed';
  }
}

/** 25P02, or COMMIT that was answered with ROLLBACK: an earlier statement failed and its handler went on. */
export function doubtAfter(error: unknown): Doubt | undefined {
  if (error instanceof TrustBetrayed) return { failed: error };
  return error instanceof RolledBack || sqlState(error) === '25P02' ? NO_TRUST : undefined;
}

/**
 * Runs the handlers of `event`. Trusted, they cost no statement of ours, and whatever one of them leaves behind when it
 * fails is undone with the transaction. Else they run under a savepoint. Returns the handler's error, its writes undone; throws
 * {@link DatabaseLost} if the transaction itself is lost. Whether the database is there is decided by asking it: an
 * ECONNREFUSED may just as well come from an HTTP call of the handler.
 */
export async function attemptEvent(
  tx: Tx,
  handlers: Handlers,
  event: EventEnvelope,
  context: EventContext,
  trust: boolean,
): Promise<Error | undefined> {
  const attributes = {
    'messaging.system': 'stackflow',
    'messaging.destination.name': context.topic,
    'messaging.consumer.group.name': context.group,
    'messaging.message.id': event.id,
  };
  if (!trust) await ask(tx, 'savepoint event');
  try {
    await inSpan(`process ${event.type}`, { kind: SpanKind.CONSUMER, traceparent: event.traceparent, attributes }, () =>
      invoke(handlers.for(event, context.topic), event, context),
    );
    if (!trust) await tx.query('release savepoint event'); // fails if the handler swallowed an SQL error: then it has failed
    return undefined;
  } catch (error) {
    if (!trust) await ask(tx, 'rollback to savepoint event');
    if (isOutageState(error)) throw new DatabaseLost(error);
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function ask(tx: Tx, sql: string): Promise<void> {
  try {
    await tx.query(sql);
  } catch (error) {
    throw new DatabaseLost(error);
  }
}
