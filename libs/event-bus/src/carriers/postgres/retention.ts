/**
 * Deletes old events from the Postgres event log, in small batches. Every service that publishes runs it in one of its
 * processes. An advisory lock ensures that only one process of all services deletes at a time.
 */
import { topics } from '#events';
import { Waiter, type Database, type Logger, type Tx } from '#platform';
import { PARTITIONS } from '../../record.js';

const EVERY_MS = 10 * 60_000;
/** The first deletion waits, so that it does not slow down the start of the service. */
const FIRST_AFTER_MS = 30_000;
const BATCH = 1_000;
/** Pause between two batches, so that deleting events does not slow down publishing. */
const PAUSE_MS = 20;

export class Retention {
  private readonly waiter = new Waiter();
  private stopping = false;
  private running: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    private readonly days: number,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.waiter.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    await this.waiter.wait(FIRST_AFTER_MS);
    while (!this.stopping) {
      try {
        const deleted = await this.trim();
        if (deleted > 0) this.logger.info({ deleted, days: this.days }, 'trimmed the event log');
      } catch (error) {
        this.logger.warn(
          { err: error, code: 'retention_failed' },
          'cannot delete old events, so the event log keeps growing; the next attempt follows in ten minutes',
        );
      }
      if (!this.stopping) await this.waiter.wait(EVERY_MS);
    }
  }

  /** Resolves with the number of deleted events. */
  async trim(): Promise<number> {
    let deleted = 0;
    for (const topic of topics)
      for (let partition = 0; partition < PARTITIONS && !this.stopping; partition++)
        deleted += await this.trimPartition(topic, partition);
    return deleted;
  }

  private async trimPartition(topic: string, partition: number): Promise<number> {
    let deleted = 0;
    for (let after: string | null = '0'; after !== null && !this.stopping;) {
      const from: string = after;
      const step: Step | undefined = await this.database.tx((tx) => this.step(tx, topic, partition, from));
      deleted += Number(step?.deleted ?? 0);
      after = step?.reached ?? null;
      if (after !== null) await this.waiter.wait(PAUSE_MS);
    }
    return deleted;
  }

  private async step(tx: Tx, topic: string, partition: number, after: string): Promise<Step | undefined> {
    const lock = await tx.query<{ mine: boolean }>(
      `select pg_try_advisory_xact_lock(hashtextextended('bus.retention', 0)) as mine`,
    );
    if (!lock[0]?.mine) return undefined;
    const rows = await tx.query<Step>(
      `select * from bus.trim_event_log($1, $2, $3, now() - $4::int * interval '1 day', ${BATCH})`,
      [topic, partition, after, this.days],
    );
    return rows[0];
  }
}

interface Step {
  readonly reached: string | null;
  readonly deleted: string;
}
