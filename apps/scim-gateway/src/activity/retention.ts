/** Deletes old rows of the SCIM request log, in batches, so that no transaction is long. */
import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIG, Database, LOGGER, type Logger } from '#platform';
import { Loop } from '#worker';
import type { GatewayConfig } from '../config.js';

const INTERVAL_MS = 10 * 60_000;
const BATCH = 10_000;
/** Pause between batches, so that requests get connections. It allows up to 100,000 deletions per second. */
const PAUSE_MS = 100;

@Injectable()
export class RequestLogRetention {
  private readonly loop: Loop;
  private stopping = false;

  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.loop = new Loop('request log retention', INTERVAL_MS, logger, async () => {
      await this.trim();
      return false;
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    this.stopping = true;
    return this.loop.stop();
  }

  /** Deletes old rows, except rows that another replica is deleting. */
  async trim(now = new Date()): Promise<void> {
    const before = new Date(now.getTime() - this.config.SCIM_REQUEST_LOG_DAYS * 86_400_000);
    while ((await this.trimBatch(before)) === BATCH && !this.stopping) await sleep(PAUSE_MS);
  }

  private async trimBatch(before: Date): Promise<number> {
    const [deleted] = await this.database.query<{ count: number }>(
      `with gone as (
         delete from scim_request where id in (select id from scim_request where at < $1 order by at limit $2 for update skip locked) returning 1
       ) select count(*)::int as count from gone`,
      [before, BATCH],
    );
    return deleted?.count ?? 0;
  }
}
