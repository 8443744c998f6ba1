/**
 * A clock that Postgres and this process share, and that moves only when the test says so. `limits.take` and
 * `limits.drain` read it in place of the server's clock, and timers of the process follow it. A test can so play seconds
 * in milliseconds, and a busy machine changes nothing.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Database, type Queryable } from '#platform';
import type { TestDatabase } from '../support/database.js';

const STEP_MS = 10;
/** Turns of the event loop after which nothing more happens without a query or a timer. */
const QUIET_TURNS = 3;

/** The schema `limits` comes before `pg_catalog`, so its function hides the built-in one. */
const CLOCK = `
  create table limits.simulated_clock as select clock_timestamp() as at;
  create function limits.clock_timestamp() returns timestamptz language sql as 'select at from limits.simulated_clock';
  grant select on limits.simulated_clock to public`;

export class SimulatedClock {
  private inFlight = 0;

  private constructor(
    private readonly admin: Database,
    private readonly database: Database,
  ) {}

  static async create(test: TestDatabase): Promise<SimulatedClock> {
    const admin = await Database.connect({ url: test.adminUrl, schema: 'limits' });
    await admin.query(CLOCK);
    const url = test.url('identity-service');
    return new SimulatedClock(admin, await Database.connect({ url, schema: 'limits,pg_catalog' }));
  }

  /** The database whose queries finish before the clock moves on. */
  readonly queryable: Queryable = {
    query: async <T>(...args: Parameters<Queryable['query']>): Promise<T[]> => {
      this.inFlight++;
      try {
        return await this.database.query<T>(...args);
      } finally {
        this.inFlight--;
      }
    },
  };

  /** Empties the buckets, and takes over the timers of the process until {@link stop}. */
  async start(): Promise<void> {
    await this.admin.query('truncate limits.bucket');
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'hrtime'] });
  }

  stop(): void {
    jest.useRealTimers();
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    await this.quiet();
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await this.admin.query(`update limits.simulated_clock set at = at + ${STEP_MS} * interval '1 millisecond'`);
      jest.advanceTimersByTime(STEP_MS);
      await this.quiet();
    }
  }

  /** Lets time pass until `work` has ended. */
  async until<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const settled = work.finally(() => (ended = true));
    settled.catch(() => undefined);
    await this.quiet();
    while (!ended) await this.pass(STEP_MS);
    return settled;
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.admin.close();
  }

  private async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns = this.inFlight > 0 ? 0 : turns + 1) await turn();
  }
}
