/**
 * The runtime that both carriers share: a chunk of deliveries of one topic, inside one open transaction.
 * gate -> handler -> retries in place -> park the key. The carrier commits, and only then moves its offset (or moves
 * it in the same transaction): a crash at any point repeats or continues, with the effect of exactly once.
 */
import type { EventEnvelope, Topic } from '#events';
import type { Database, Logger, Tx } from '#platform';
import {
  attemptEvent,
  ChunkInterrupted,
  doubtAfter,
  isInterruption,
  NO_TRUST,
  TrustBetrayed,
  type Doubt,
} from './attempt.js';
import { EventContext, PoisonEvent } from './context.js';
import { passGate } from './gate.sql.js';
import type { Handlers } from './handlers.js';
import type { ConsumerMetrics, Outcome } from './metrics.js';
import { park, type NewParked } from './parking.sql.js';
import type { Delivery } from './record.js';
import { backoffMs, sleep } from './session.js';

export interface GroupOptions {
  readonly group: string;
  readonly database: Database;
  /** Schema of the inbox and of the parked events. */
  readonly schema: string;
  readonly logger: Logger;
  readonly metrics: ConsumerMetrics;
  /** Attempts in place before a key is parked; the chunk's other keys wait for them, so they are few and quick. */
  readonly inPlaceAttempts: number;
  /** Attempts in all before a parked event is dead. */
  readonly maxAttempts: number;
  /** First pause of the drainer between two attempts at a parked event; doubles up to 10 minutes. */
  readonly retryAfterMs: number;
  /** Handlers write through their transaction only: a whole chunk may be undone and repeated. */
  readonly pureHandlers: boolean;
}

const IN_PLACE_PAUSE_MS = 15;
const PAUSE_LIMIT_MS = 600_000;
/** Chunks (some 7 s of pauses) that an event may interrupt; then it counts as failing, lest it block its partition. */
const INTERRUPTIONS = 8;

export class GroupConsumer {
  /** By event id; of the few that are being interrupted only. */
  private readonly interruptions = new Map<string, number>();

  constructor(
    readonly options: GroupOptions,
    readonly handlers: Handlers,
  ) {}

  /**
   * The transaction of a chunk. Pure handlers first run in trust that none of them fails, which nearly always holds and
   * saves two round trips per event; if one does, everything is undone and done again, each event under a savepoint of
   * its own. The failed attempt counts.
   */
  async inTransaction<T>(work: (tx: Tx, doubt: Doubt | null) => Promise<T>): Promise<T> {
    const { database, pureHandlers } = this.options;
    if (!pureHandlers) return database.tx((tx) => work(tx, NO_TRUST));
    try {
      return await database.tx((tx) => work(tx, null));
    } catch (error) {
      const doubt = doubtAfter(error);
      if (!doubt) throw error;
      return database.tx((tx) => work(tx, doubt));
    }
  }

  /**
   * Consumes `deliveries` (of each partition in order). Rejects only if the transaction cannot be continued. `progress`
   * is called between events; what it throws ends the chunk.
   */
  async consume(
    tx: Tx,
    topic: Topic,
    deliveries: readonly Delivery[],
    doubt: Doubt | null,
    progress?: () => Promise<void>,
  ): Promise<void> {
    const { group, schema } = this.options;
    const events = deliveries.flatMap((d) => d.event ?? []);
    const { passed, previous, parked } = await passGate(tx, schema, group, topic, events);
    const chunk: Chunk = { doubt, passed, parkedKeys: new Set(parked), reached: new Map(previous), queue: [] };
    for (const delivery of deliveries) {
      const outcome = await this.one(tx, topic, delivery, chunk);
      tx.afterCommit(() => this.options.metrics.events.inc({ group, topic, outcome }));
      await progress?.();
    }
    await park(tx, schema, group, topic, chunk.queue);
  }

  private async one(tx: Tx, topic: Topic, delivery: Delivery, chunk: Chunk): Promise<Outcome> {
    const { event, unreadable } = delivery;
    if (!event) {
      const reason = unreadable?.reason ?? 'no event';
      const key = delivery.key ?? `unreadable:${delivery.partition}:${delivery.position}`;
      this.options.logger.error(
        { code: 'event_unreadable', topic, partition: delivery.partition, position: delivery.position, reason },
        'a record is no event; it is kept with its bytes and its key waits',
      );
      chunk.queue.push({
        ...place(delivery),
        key,
        sequence: chunk.reached.get(key) ?? null,
        event: null,
        raw: unreadable?.raw ?? Buffer.alloc(0),
        state: 'dead',
        attempts: 0,
        error: clean(reason),
        retryInMs: 0,
      });
      chunk.parkedKeys.add(key);
      return 'dead';
    }
    if (!chunk.passed.has(event)) return 'duplicate';
    chunk.reached.set(event.key, event.sequence);
    if (chunk.parkedKeys.has(event.key)) {
      chunk.queue.push({
        ...place(delivery),
        ...identity(event),
        raw: null,
        state: 'waiting',
        attempts: 0,
        error: null,
        retryInMs: 0,
      });
      return 'queued';
    }
    if (this.handlers.for(event, topic).length === 0) return 'ignored';
    const failure = await this.handle(tx, topic, delivery, event, chunk.doubt);
    if (!failure) return 'handled';
    chunk.parkedKeys.add(event.key);
    chunk.queue.push({
      ...place(delivery),
      ...identity(event),
      raw: null,
      ...this.verdict(topic, event, failure.error, failure.attempts),
    });
    return failure.error instanceof PoisonEvent ? 'dead' : 'parked';
  }

  private async handle(
    tx: Tx,
    topic: Topic,
    delivery: Delivery,
    event: EventEnvelope,
    doubt: Doubt | null,
  ): Promise<{ error: Error; attempts: number } | undefined> {
    for (let attempt = 1; ; attempt++) {
      const known = attempt === 1 && doubt?.failed?.eventId === event.id ? doubt.failed.error : undefined;
      const error = known ?? (await this.attempt(tx, topic, delivery, event, attempt, doubt === null));
      if (!error) return undefined;
      if (!doubt) throw new TrustBetrayed(event.id, error);
      if (error instanceof PoisonEvent || attempt >= this.options.inPlaceAttempts) return { error, attempts: attempt };
      await sleep(backoffMs(attempt, IN_PLACE_PAUSE_MS, 1_000));
    }
  }

  /** One attempt, measured. Also what the drainer calls. Throws if the transaction is to be repeated. */
  async attempt(
    tx: Tx,
    topic: string,
    at: Pick<Delivery, 'partition' | 'position'>,
    event: EventEnvelope,
    attempt: number,
    trust = false,
  ): Promise<Error | undefined> {
    const { group, metrics } = this.options;
    if (attempt > 1) metrics.retries.inc({ group, topic });
    const stop = metrics.handling.startTimer({ group, topic });
    const error = await attemptEvent(
      tx,
      this.handlers,
      event,
      new EventContext(tx, event, topic, at.partition, at.position, group, attempt),
      trust,
    );
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
    throw new ChunkInterrupted(error);
  }

  /** What becomes of a parked event after a failed attempt. */
  verdict(
    topic: string,
    event: EventEnvelope,
    error: Error,
    attempts: number,
  ): { state: 'waiting' | 'dead'; attempts: number; error: string; retryInMs: number } {
    const { group, maxAttempts, retryAfterMs, inPlaceAttempts, logger } = this.options;
    const state = error instanceof PoisonEvent || attempts >= maxAttempts ? 'dead' : 'waiting';
    const level = state === 'dead' ? 'error' : 'warn';
    logger[level](
      {
        code: `event_${state === 'dead' ? 'dead' : 'parked'}`,
        err: error,
        group,
        topic,
        eventId: event.id,
        type: event.type,
        tenant: event.tenant,
        key: event.key,
        attempts,
      },
      state === 'dead'
        ? 'an event cannot be handled; its key waits for an administrator'
        : 'an event failed; its key waits and will be retried',
    );
    return {
      state,
      attempts,
      error: clean(`${error.name}: ${error.message}`),
      retryInMs: backoffMs(Math.max(1, attempts - inPlaceAttempts + 1), retryAfterMs, PAUSE_LIMIT_MS),
    };
  }
}

interface Chunk {
  readonly doubt: Doubt | null;
  readonly passed: ReadonlySet<EventEnvelope>;
  readonly parkedKeys: Set<string>;
  /** Sequence of the last event of a key so far. */
  readonly reached: Map<string, number>;
  readonly queue: NewParked[];
}

const place = ({ partition, position }: Delivery) => ({ partition, position });
const identity = (event: EventEnvelope) => ({ key: event.key, sequence: event.sequence, event });

/** Postgres text holds no NUL; an error message is kept short enough to read. */
const clean = (message: string): string => message.replaceAll('\0', '\uFFFD').slice(0, 2_000);
