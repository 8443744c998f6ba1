/**
 * Publishes an outbox. One leader per schema, elected by a session advisory lock: no clock, no lease to renew; the
 * lock dies with the session, and a follower takes over within {@link ELECTION_MS}. The leader moves events in id
 * order, in batches, and deletes them on the very session that holds the lock, so a deposed leader deletes nothing.
 *
 * Towards Postgres the move is one transaction: exactly once. Towards Kafka it is send, then delete: a crash between
 * the two repeats a batch, and a leader that was paused while its send was in flight may deliver an old batch late;
 * the consumers' version gate absorbs both. Compaction does not know that gate: should such a late batch carry the
 * last record of a key of a compacted topic, a consumer that begins after the newer record was compacted away sees the
 * older state until the next change of that key (docs/architecture.md, known limits).
 */
import type { Database, Logger, Metrics } from '#platform';
import type { Client } from 'pg';
import { PublisherMetrics } from './metrics.js';
import { moveSql, prepareMoveSql } from './postgres/log.sql.js';
import type { EventRow } from './record.js';
import { Retention } from './retention.js';
import { identifier } from './schema.sql.js';
import { backoffMs, openSession, sleep, Waiter } from './session.js';

/** Where events go when the carrier is not the database itself. */
export interface EventPublisher {
  /** Resolves when every record is stored by all in-sync replicas; keeps the order per key. Repeated after an error. */
  publish(events: readonly EventRow[]): Promise<void>;
  close(): Promise<void>;
}

export interface SequencerOptions {
  readonly database: Database;
  /** Schema of the outbox. */
  readonly schema: string;
  readonly carrier: 'postgres' | EventPublisher;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Events per batch; 500 by default. */
  readonly batch?: number;
  /** Longest pause between two looks at an empty outbox; 20 ms by default. */
  readonly pollMs?: number;
  /** Days that the Postgres event log keeps events; undefined = no trimming. */
  readonly retentionDays?: number;
}

const ELECTION_MS = 250;
const FIRST_PAUSE_MS = 5;
/** A leader whose process stands still for this long loses its session, and so the lock. */
const SESSION_LIMIT = '15s';
const HEARTBEAT_MS = 4_000;

export class Sequencer {
  private readonly waiter = new Waiter();
  private readonly metrics: PublisherMetrics;
  private readonly batch: number;
  private running: Promise<void> | undefined;
  private stopping = false;

  constructor(private readonly options: SequencerOptions) {
    identifier(options.schema);
    this.batch = options.batch ?? 500;
    this.metrics = new PublisherMetrics(options.metrics);
    this.metrics.leader.set({ schema: options.schema }, 0);
    watchOutbox(options);
  }

  /** Resolves at once; publishing begins when this process is elected. */
  async start(): Promise<void> {
    this.running ??= this.run();
  }

  /** Resolves when the batch in flight is done and leadership is given up. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.poke();
    await this.running;
    if (this.options.carrier !== 'postgres') await this.options.carrier.close();
  }

  /** Look now: something was stored. A hint; without it the next look comes within `pollMs`. */
  poke(): void {
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
        session = await openSession(database, `${schema}:sequencer`, () => this.poke());
        await session.query(
          `set idle_session_timeout = '${SESSION_LIMIT}'; set idle_in_transaction_session_timeout = '${SESSION_LIMIT}'`,
        );
        await this.lead(session, () => (failures = 0));
      } catch (error) {
        if (!this.stopping && ++failures <= 2)
          logger.warn(
            { err: error, schema, code: 'sequencer_interrupted' },
            'publishing has to wait; events stay in the outbox',
          );
      } finally {
        this.metrics.leader.set({ schema }, 0);
        await session?.end().catch(() => undefined);
      }
      if (!this.stopping) await sleep(backoffMs(Math.max(1, failures), 50, 1_000));
    }
  }

  /** Waits to be elected, then publishes until stopped or the session breaks. */
  private async lead(session: Client, elected: () => void): Promise<void> {
    const { schema, logger, retentionDays } = this.options;
    while (!this.stopping && !(await tryLock(session, schema))) await sleep(ELECTION_MS);
    if (this.stopping) return;
    elected();
    this.metrics.leader.set({ schema }, 1);
    logger.info({ schema }, 'this process publishes the outbox');
    const heartbeat = setInterval(() => void session.query('select 1').catch(() => undefined), HEARTBEAT_MS);
    const retention =
      retentionDays === undefined ? undefined : new Retention(this.options.database, logger, retentionDays);
    retention?.start();
    try {
      await this.publish(session);
    } finally {
      clearInterval(heartbeat);
      await retention?.stop();
    }
  }

  private async publish(session: Client): Promise<void> {
    if (this.options.carrier === 'postgres') await session.query(prepareMoveSql(this.options.schema, this.batch));
    // Deletes what Kafka has: a delete that a crash of the database forgets repeats a batch, as a crash before it does.
    else await session.query('set synchronous_commit = off');
    let pause = FIRST_PAUSE_MS;
    while (!this.stopping) {
      const moved = await this.moveBatch(session);
      if (moved > 0) this.metrics.published.inc({ schema: this.options.schema }, moved);
      if (moved === this.batch) continue;
      pause = moved > 0 ? FIRST_PAUSE_MS : Math.min(pause * 1.5, this.options.pollMs ?? 20);
      await this.waiter.wait(pause);
    }
  }

  private async moveBatch(session: Client): Promise<number> {
    const { schema, carrier } = this.options;
    if (carrier !== 'postgres') return this.moveTo(carrier, session);
    const pending = await session.query({
      name: 'pending',
      text: `select id from ${schema}.outbox order by id limit 1`,
    });
    return pending.rowCount === 0 ? 0 : moveToLog(session);
  }

  private async moveTo(publisher: EventPublisher, session: Client): Promise<number> {
    const { schema, logger } = this.options;
    const { rows } = await session.query<EventRow & { id: string }>({
      name: 'outbox',
      text: `select * from ${schema}.outbox order by id limit $1`,
      values: [this.batch],
    });
    if (rows.length === 0) return 0;
    for (let attempt = 1; ; attempt++) {
      try {
        await publisher.publish(rows);
        break;
      } catch (error) {
        this.metrics.failures.inc({ schema });
        if (this.stopping) return 0;
        if (attempt <= 2)
          logger.warn(
            { err: error, schema, attempt, code: 'carrier_unavailable' },
            'the carrier does not take events; they stay in the outbox',
          );
        await this.waiter.wait(backoffMs(attempt, 100, 5_000));
        await session.query('select 1'); // throws if leadership was lost meanwhile: then this batch is another's to send
      }
    }
    await session.query({
      name: 'sent',
      text: `delete from ${schema}.outbox where id = any($1::bigint[])`,
      values: [rows.map((r) => r.id)],
    });
    return rows.length;
  }
}

async function tryLock(session: Client, schema: string): Promise<boolean> {
  const { rows } = await session.query<{ locked: boolean }>(
    'select pg_try_advisory_lock(hashtextextended($1, 2)) as locked',
    [`sequencer:${schema}`],
  );
  return rows[0]?.locked ?? false;
}

async function moveToLog(session: Client): Promise<number> {
  try {
    const results = (await session.query(moveSql)) as unknown as { rows: { moved?: number }[] }[];
    return results[2]?.rows[0]?.moved ?? 0;
  } catch (error) {
    await session.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** Depth and age of the outbox, asked at each scrape: the alarm for "stored but not published". */
function watchOutbox({ database, metrics, schema }: SequencerOptions): void {
  const age = metrics.gauge('outbox_oldest_seconds', 'Age of the oldest event that is stored but not published', [
    'schema',
  ]);
  metrics.gauge('outbox_depth', 'Events that are stored but not published', ['schema'], async (depth) => {
    try {
      const rows = await database.query<{ depth: number; age: number }>(
        `select count(*)::int as depth, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as age from ${schema}.outbox`,
      );
      depth.set({ schema }, rows[0]?.depth ?? 0);
      age.set({ schema }, rows[0]?.age ?? 0);
    } catch {
      depth.remove({ schema }); // unknown is not zero
      age.remove({ schema });
    }
  });
}
