/**
 * Publishes an outbox. An advisory lock of a session elects one leader per schema. The lock ends with the session, and
 * another process becomes leader within {@link ELECTION_MS} ms. The leader deletes published events on that session, so
 * a former leader deletes nothing.
 *
 * On the Postgres carrier, one transaction appends and deletes, so each event is published exactly once. On Kafka, a
 * crash between send and delete repeats the batch, and a paused leader may deliver a batch late. The inbox of each
 * consumer drops these events. Compaction does not know the inbox: a late record may become the last one of its key
 * (docs/architecture.md, known limits).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Waiter, type Database, type Logger, type Metrics } from '#platform';
import type { Client } from 'pg';
import { identifier } from '../schema.sql.js';
import { backoffMs, openSession } from '../session.js';
import { PublisherMetrics, watchOutbox } from './metrics.js';
import { CarrierUnavailable, LEADER_SETTINGS, type Publisher } from './publisher.js';

export interface SequencerOptions {
  readonly database: Database;
  readonly schema: string;
  readonly publisher: Publisher;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const ELECTION_MS = 250;
const FIRST_PAUSE_MS = 5;
/** After a batch of this size more events probably wait, so that the next batch follows without a pause. */
const LARGE_BATCH = 100;
/** Longest pause before an empty outbox is read again. */
const POLL_MS = 20;
/** A leader whose process is paused for this time loses its session and therefore the lock. */
const SESSION_LIMIT = '15s';
const HEARTBEAT_MS = 4_000;

export class Sequencer {
  private readonly waiter = new Waiter();
  private readonly metrics: PublisherMetrics;
  private running: Promise<void> | undefined;
  private stopping = false;

  constructor(private readonly options: SequencerOptions) {
    const { database, metrics, schema } = options;
    identifier(schema);
    this.metrics = new PublisherMetrics(metrics);
    this.metrics.leader.set({ schema }, 0);
    watchOutbox(database, metrics, schema);
  }

  async start(): Promise<void> {
    this.running ??= this.run();
  }

  /** Resolves when the current batch is done and another process may be elected. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
  }

  /** Reads the outbox at once, instead of within {@link POLL_MS} ms. */
  wake(): void {
    this.waiter.wake();
  }

  onApplicationBootstrap(): Promise<void> {
    return this.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  private async run(): Promise<void> {
    const { logger, schema, database } = this.options;
    for (let failures = 0; !this.stopping;) {
      let session: Client | undefined;
      try {
        session = await openSession(database, `${schema}:sequencer`, () => this.wake());
        await session.query(
          `set idle_session_timeout = '${SESSION_LIMIT}'; set idle_in_transaction_session_timeout = '${SESSION_LIMIT}'; ${LEADER_SETTINGS}`,
        );
        await this.lead(session, () => (failures = 0));
      } catch (error) {
        if (!this.stopping && ++failures <= 2)
          logger.warn(
            { err: error, schema, code: 'sequencer_interrupted' },
            'publishing was interrupted and is retried; events stay in the outbox until it continues',
          );
      } finally {
        this.metrics.leader.set({ schema }, 0);
        await session?.end().catch(() => undefined);
      }
      if (!this.stopping) await sleep(backoffMs(Math.max(1, failures), 50, 1_000));
    }
  }

  /** Waits to be elected, then publishes until the sequencer is stopped or the session breaks. */
  private async lead(session: Client, elected: () => void): Promise<void> {
    const { schema, logger, publisher } = this.options;
    while (!this.stopping && !(await tryLock(session, schema))) await sleep(ELECTION_MS);
    if (this.stopping) return;
    elected();
    this.metrics.leader.set({ schema }, 1);
    logger.info({ schema }, 'this process was elected and now publishes the outbox');
    const heartbeat = setInterval(() => void session.query('select 1').catch(() => undefined), HEARTBEAT_MS);
    try {
      await publisher.prepare(session);
      await this.publish(session);
    } finally {
      clearInterval(heartbeat);
      await publisher.close();
    }
  }

  private async publish(session: Client): Promise<void> {
    const { schema } = this.options;
    let pause = FIRST_PAUSE_MS;
    for (let failures = 0; !this.stopping;) {
      const moved = await this.move(session, failures);
      if (moved === undefined) {
        await this.waiter.wait(backoffMs(++failures, 100, 5_000));
        continue;
      }
      failures = 0;
      if (moved > 0) this.metrics.published.inc({ schema }, moved);
      if (moved >= LARGE_BATCH) continue;
      pause = moved > 0 ? FIRST_PAUSE_MS : Math.min(pause * 1.5, POLL_MS);
      await this.waiter.wait(pause);
    }
  }

  /** Moves one batch. Resolves with undefined if the carrier does not accept events. */
  private async move(session: Client, failuresBefore: number): Promise<number | undefined> {
    const { schema, logger, publisher } = this.options;
    try {
      return await publisher.move(session);
    } catch (error) {
      if (!(error instanceof CarrierUnavailable)) throw error;
      this.metrics.failures.inc({ schema });
      if (failuresBefore < 2)
        logger.warn(
          { err: error.cause, schema, attempt: failuresBefore + 1, code: 'carrier_unavailable' },
          'the carrier does not accept events; they stay in the outbox, and publishing is retried automatically',
        );
      return undefined;
    }
  }
}

async function tryLock(session: Client, schema: string): Promise<boolean> {
  const { rows } = await session.query<{ locked: boolean }>(
    'select pg_try_advisory_lock(hashtextextended($1, 2)) as locked',
    [`sequencer:${schema}`],
  );
  return rows[0]?.locked ?? false;
}
