/** Lets closings through, or holds them: the one place that counts. */
import type { Outbox } from '#event-bus';
import { Loop, type Database, type Logger, type Metrics } from '#platform';
import type { Wake } from '../wake.js';

export interface AdmissionOptions {
  readonly database: Database;
  readonly outbox: Outbox;
  readonly wake: Wake;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const POLL_MS = 100;

export class Admission {
  private readonly loop: Loop;

  constructor(private readonly options: AdmissionOptions) {
    this.loop = new Loop('admission', POLL_MS, options.logger, () => Promise.resolve(false));
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  poke(): void {
    this.loop.poke();
  }

  /** Lets held cases of a tenant through, those named or all; answers how many. `by`: who said so. */
  async release(tenant: string, ids: readonly string[] | null, by: string): Promise<number> {
    const rows = await this.options.database.query(
      `update offboarding_case set state = 'new', released_at = clock_timestamp(), released_by = $3
        where tenant = $1 and state = 'held' and ($2::uuid[] is null or id = any($2)) returning id`,
      [tenant, ids, by],
    );
    this.options.wake.admit();
    return rows.length;
  }
}
