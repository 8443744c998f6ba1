/**
 * Consumes a batch of events of one topic inside one open transaction, for both carriers: drops repetitions, runs the
 * handlers, retries a failed event at once, and finally parks its key. The carrier commits the transaction, and stores
 * the offset in it or after it. After a crash at any point, events may be delivered again, but the handlers' writes
 * happen exactly once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEnvelope, Topic } from '#events';
import type { Database, Logger, Tx } from '#platform';
import type { Delivery } from '../record.js';
import { backoffMs } from '../session.js';
import {
  attemptEvent,
  BatchInterrupted,
  isInterruption,
  OPTIMISTIC,
  OptimisticRunFailed,
  runAfter,
  WITH_SAVEPOINTS,
  type Run,
} from './attempt.js';
import { EventContext, PoisonEvent } from './context.js';
import { passGate } from './gate.sql.js';
import type { Handlers } from './handlers.js';
import type { ConsumerMetrics, Outcome } from './metrics.js';
import { park, type NewParked } from './parking.sql.js';

export interface GroupOptions {
  readonly group: string;
  readonly database: Database;
  readonly schema: string;
  readonly logger: Logger;
  readonly metrics: ConsumerMetrics;
  /**
   * Quick attempts before a key is parked; 3 by default. They are few, because the other keys of the batch wait
   * meanwhile.
   */
  readonly inPlaceAttempts: number;
  /** Total number of attempts after which a parked event is dead. */
  readonly maxAttempts: number;
  /**
   * Pause before the first retry of a parked event; one second by default. It doubles with each retry, up to ten
   * minutes.
   */
  readonly retryAfterMs: number;
  /**
   * True if handlers write only through their transaction and have no other effect. A batch then needs no savepoints:
   * if one handler fails, the whole batch is rolled back and runs a second time. False by default.
   */
  readonly pureHandlers: boolean;
}

const IN_PLACE_PAUSE_MS = 15;
const PAUSE_LIMIT_MS = 600_000;
/**
 * An event may interrupt its batch this many times by conflicts such as deadlocks. The pauses add up to about 7 s.
 * After a further conflict the event counts as failed, so that it does not block its partition.
 */
const INTERRUPTIONS = 8;

export class GroupConsumer {
  /**
   * Number of interruptions by event id. The entry of an event is removed when an attempt ends without an interruption.
   */
  private readonly interruptions = new Map<string, number>();

  constructor(
    readonly options: GroupOptions,
    readonly handlers: Handlers,
  ) {}

  /**
   * Runs the transaction of a batch. Pure handlers first run without savepoints, which saves two round trips per event
   * and nearly always succeeds. After a failure the batch runs again in a new transaction, with a savepoint per event.
   */
  async inTransaction<T>(work: (tx: Tx, run: Run) => Promise<T>): Promise<T> {
    const { database, pureHandlers } = this.options;
    if (!pureHandlers) return database.tx((tx) => work(tx, WITH_SAVEPOINTS));
    try {
      return await database.tx((tx) => work(tx, OPTIMISTIC));
    } catch (error) {
      const next = runAfter(error);
      if (!next) throw error;
      return database.tx((tx) => work(tx, next));
    }
  }

  /**
   * Consumes `deliveries`, which are in order within each partition. `progress` is called between events; if it throws,
   * the batch ends with that error. Otherwise rejects only if the transaction cannot continue.
   */
  async consume(
    tx: Tx,
    topic: Topic,
    deliveries: readonly Delivery[],
    run: Run,
    progress?: () => Promise<void>,
  ): Promise<void> {
    const { group, schema } = this.options;
    const events = deliveries.flatMap((d) => d.event ?? []);
    const { passed, previous, parked } = await passGate(tx, schema, group, topic, events);
    const batch: Batch = { run, passed, parkedKeys: new Set(parked), reached: new Map(previous), queue: [] };
    for (const delivery of deliveries) {
      const outcome = await this.one(tx, topic, delivery, batch);
      tx.afterCommit(() => this.options.metrics.events.inc({ group, topic, outcome }));
      await progress?.();
    }
    await park(tx, schema, group, topic, batch.queue);
  }

  private async one(tx: Tx, topic: Topic, delivery: Delivery, batch: Batch): Promise<Outcome> {
    const { event, partition, position } = delivery;
    if (!event) return this.unreadable(topic, delivery, batch);
    if (!batch.passed.has(event)) return 'duplicate';
    batch.reached.set(event.key, event.sequence);
    const parked = { partition, position, key: event.key, sequence: event.sequence, event, raw: null };
    if (batch.parkedKeys.has(event.key)) {
      batch.queue.push({ ...parked, state: 'waiting', attempts: 0, error: null, retryInMs: 0 });
      return 'queued';
    }
    if (this.handlers.for(event, topic).length === 0) return 'ignored';
    const failure = await this.handle(tx, topic, delivery, event, batch.run);
    if (!failure) return 'handled';
    batch.parkedKeys.add(event.key);
    batch.queue.push({ ...parked, ...this.afterFailure(topic, event, failure.error, failure.attempts) });
    return failure.error instanceof PoisonEvent ? 'dead' : 'parked';
  }

  private unreadable(topic: Topic, { partition, position, key, unreadable }: Delivery, batch: Batch): Outcome {
    const reason = unreadable?.reason ?? 'no event';
    const parkedKey = key ?? `unreadable:${partition}:${position}`;
    this.options.logger.error(
      { code: 'event_unreadable', topic, partition, position, reason },
      'a record cannot be read as an event; it is parked, and later events of its key wait until an administrator skips it',
    );
    batch.queue.push({
      partition,
      position,
      key: parkedKey,
      sequence: batch.reached.get(parkedKey) ?? null,
      event: null,
      raw: unreadable?.raw ?? Buffer.alloc(0),
      state: 'dead',
      attempts: 0,
      error: clean(reason),
      retryInMs: 0,
    });
    batch.parkedKeys.add(parkedKey);
    return 'dead';
  }

  private async handle(
    tx: Tx,
    topic: Topic,
    delivery: Delivery,
    event: EventEnvelope,
    { optimistic, rerunReason }: Run,
  ): Promise<{ error: Error; attempts: number } | undefined> {
    for (let attempt = 1; ; attempt++) {
      const known = attempt === 1 && rerunReason?.eventId === event.id ? rerunReason.error : undefined;
      const error = known ?? (await this.attempt(tx, topic, delivery, event, attempt, optimistic));
      if (!error) return undefined;
      if (optimistic) throw new OptimisticRunFailed(event.id, error);
      if (error instanceof PoisonEvent || attempt >= this.options.inPlaceAttempts) return { error, attempts: attempt };
      await sleep(backoffMs(attempt, IN_PLACE_PAUSE_MS, 1_000));
    }
  }

  /** Runs and measures one attempt to handle an event. Throws if the transaction has to be repeated. */
  async attempt(
    tx: Tx,
    topic: string,
    { partition, position }: Pick<Delivery, 'partition' | 'position'>,
    event: EventEnvelope,
    attempt: number,
    optimistic = false,
  ): Promise<Error | undefined> {
    const { group, metrics } = this.options;
    if (attempt > 1) metrics.retries.inc({ group, topic });
    const stop = metrics.handling.startTimer({ group, topic });
    const context = new EventContext(tx, event, topic, partition, position, group, attempt);
    const error = await attemptEvent(tx, this.handlers, event, context, optimistic);
    stop();
    if (isInterruption(error)) this.interrupted(event.id, error as Error);
    else this.interruptions.delete(event.id);
    if (!error)
      tx.afterCommit(() =>
        metrics.delay.observe({ group, topic }, Math.max(0, (Date.now() - Date.parse(event.time)) / 1000)),
      );
    return error;
  }

  private interrupted(eventId: string, error: Error): void {
    const count = (this.interruptions.get(eventId) ?? 0) + 1;
    if (count > INTERRUPTIONS) return;
    this.interruptions.set(eventId, count);
    throw new BatchInterrupted(error);
  }

  afterFailure(
    topic: string,
    { id: eventId, type, tenant, key }: EventEnvelope,
    error: Error,
    attempts: number,
  ): { state: 'waiting' | 'dead'; attempts: number; error: string; retryInMs: number } {
    const { group, maxAttempts, retryAfterMs, inPlaceAttempts, logger } = this.options;
    const dead = error instanceof PoisonEvent || attempts >= maxAttempts;
    const fields = { err: error, group, topic, eventId, type, tenant, key, attempts };
    if (dead)
      logger.error(
        { code: 'event_dead', ...fields },
        'an event cannot be handled; the events of its key wait until an administrator retries or skips it',
      );
    else
      logger.warn(
        { code: 'event_parked', ...fields },
        'an event failed; the events of its key wait and are retried automatically',
      );
    return {
      state: dead ? 'dead' : 'waiting',
      attempts,
      error: clean(`${error.name}: ${error.message}`),
      retryInMs: backoffMs(Math.max(1, attempts - inPlaceAttempts + 1), retryAfterMs, PAUSE_LIMIT_MS),
    };
  }
}

interface Batch {
  readonly run: Run;
  readonly passed: ReadonlySet<EventEnvelope>;
  readonly parkedKeys: Set<string>;
  readonly reached: Map<string, number>;
  readonly queue: NewParked[];
}

/** Removes NUL characters, which Postgres text cannot contain, and shortens long error messages. */
const clean = (message: string): string => message.replaceAll('\0', '\uFFFD').slice(0, 2_000);
