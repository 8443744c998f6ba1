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
import { defer, type NewDeferred } from './deferred.sql.js';
import { passGate } from './gate.sql.js';
import type { Handlers } from './handlers.js';
import type { ConsumerMetrics, Outcome } from './metrics.js';
import { park, type NewParked } from './parking.sql.js';
import { inTurn, TenantShares } from './tenant-shares.js';

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
  /** Maximum number of simultaneous transactions. While all of them handle new events, half as many handle deferred ones. */
  readonly concurrency: number;
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
  private readonly shares = new TenantShares();
  private readonly deferralListeners: (() => void)[] = [];
  private batches = 0;

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
   * Consumes `deliveries`, which are in order within each partition, tenants in turn. If others wait, in the batch or
   * behind it, a tenant that has used up its share of the time is put aside: its events are deferred, in order per key,
   * and handled by the {@link DeferredDrainer}. `progress` is called between events; if it throws, the batch ends with
   * that error. Otherwise rejects only if the transaction cannot continue.
   */
  async consume(
    tx: Tx,
    topic: Topic,
    deliveries: readonly Delivery[],
    run: Run,
    othersBehind: OthersBehind,
    progress?: () => Promise<void>,
  ): Promise<void> {
    const { group, schema } = this.options;
    const events = deliveries.flatMap((d) => d.event ?? []);
    const { passed, previous, parked, deferred } = await passGate(tx, schema, group, topic, events);
    const turns = inTurn(deliveries);
    const batch: Batch = {
      run,
      passed,
      parkedKeys: new Set(parked),
      deferredKeys: new Set(deferred),
      othersWait: othersWait(events, othersBehind),
      reached: new Map(previous),
      queue: [],
      deferred: [],
    };
    this.batches++;
    try {
      for (const delivery of turns) {
        await this.counted(tx, topic, delivery, batch);
        await progress?.();
      }
    } finally {
      this.batches--;
    }
    await park(tx, schema, group, topic, batch.queue);
    await defer(tx, schema, group, topic, batch.deferred);
    if (batch.deferred.length > 0) tx.afterCommit(() => this.deferralListeners.forEach((listener) => listener()));
  }

  /** Number of batches of new events whose handlers run now. */
  get consuming(): number {
    return this.batches;
  }

  /** Registers a listener that runs after events were deferred. */
  onDeferred(listener: () => void): void {
    this.deferralListeners.push(listener);
  }

  /**
   * Consumes deferred events, in order, until `enough` returns true. The inbox already counts them as handled. Resolves
   * with the events that were handled or parked.
   */
  async consumeDeferred<D extends Delivery & { readonly event: EventEnvelope }>(
    tx: Tx,
    topic: Topic,
    deferred: readonly D[],
    parked: ReadonlySet<string>,
    run: Run,
    enough: () => boolean,
  ): Promise<D[]> {
    const { group, schema } = this.options;
    const batch: Batch = {
      run,
      passed: new Set(deferred.map(({ event }) => event)),
      parkedKeys: new Set(parked),
      deferredKeys: new Set(),
      othersWait: () => Promise.resolve(false),
      reached: new Map(),
      queue: [],
      deferred: [],
    };
    const consumed: D[] = [];
    for (const delivery of deferred) {
      if (enough()) break;
      await this.counted(tx, topic, delivery, batch);
      consumed.push(delivery);
    }
    await park(tx, schema, group, topic, batch.queue);
    return consumed;
  }

  private async counted(tx: Tx, topic: Topic, delivery: Delivery, batch: Batch): Promise<void> {
    const { group, metrics } = this.options;
    const outcome = await this.one(tx, topic, delivery, batch);
    tx.afterCommit(() => metrics.events.inc({ group, topic, outcome }));
  }

  private async one(tx: Tx, topic: Topic, delivery: Delivery, batch: Batch): Promise<Outcome> {
    const { event, partition, position } = delivery;
    if (!event) return this.unreadable(topic, delivery, batch);
    if (!batch.passed.has(event)) return 'duplicate';
    batch.reached.set(event.key, event.sequence);
    // Check the deferred events first: parked events of the same key are older and are handled before them.
    if (batch.deferredKeys.has(event.key)) return this.deferral(batch, partition, position, event);
    const parked = { partition, position, key: event.key, sequence: event.sequence, event, raw: null };
    if (batch.parkedKeys.has(event.key)) {
      batch.queue.push({ ...parked, state: 'waiting', attempts: 0, error: null, retryInMs: 0 });
      return 'queued';
    }
    if (this.handlers.for(event, topic).length === 0) return 'ignored';
    if (this.shares.isUsedUp(event.tenant) && (await batch.othersWait()))
      return this.deferral(batch, partition, position, event);
    const failure = await this.shares.measure(event.tenant, () => this.handle(tx, topic, delivery, event, batch.run));
    if (!failure) return 'handled';
    batch.parkedKeys.add(event.key);
    batch.queue.push({ ...parked, ...this.afterFailure(topic, event, failure.error, failure.attempts) });
    return failure.error instanceof PoisonEvent ? 'dead' : 'parked';
  }

  private deferral(batch: Batch, partition: number, position: string, event: EventEnvelope): Outcome {
    batch.deferredKeys.add(event.key);
    batch.deferred.push({ partition, position, event });
    return 'deferred';
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

/** Returns whether events of other tenants wait behind the batch, or may wait because its backlog is very large. */
export type OthersBehind = (tenant: string) => Promise<boolean>;

/** Looks behind the batch only if a tenant has used up its share, and only once. */
function othersWait(events: readonly EventEnvelope[], othersBehind: OthersBehind): () => Promise<boolean> {
  const [tenant, ...others] = new Set(events.map((event) => event.tenant));
  let known: Promise<boolean> | undefined;
  return () => (known ??= others.length > 0 || tenant === undefined ? Promise.resolve(true) : othersBehind(tenant));
}

interface Batch {
  readonly run: Run;
  readonly passed: ReadonlySet<EventEnvelope>;
  readonly parkedKeys: Set<string>;
  readonly deferredKeys: Set<string>;
  /** Whether others may wait for the end of this batch, so that a tenant must not use more than its share. */
  readonly othersWait: () => Promise<boolean>;
  readonly reached: Map<string, number>;
  readonly queue: NewParked[];
  readonly deferred: NewDeferred[];
}

/** Removes NUL characters, which Postgres text cannot contain, and shortens long error messages. */
const clean = (message: string): string => message.replaceAll('\0', '\uFFFD').slice(0, 2_000);
