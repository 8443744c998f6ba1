/** Deletes old lines of the SCIM request log in batches, so that no transaction is long, until none is left. */
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { PLATFORM, type PlatformContext } from '#platform';
import type { GatewayConfig } from '../config.js';

const INTERVAL_MS = 10 * 60_000;
const BATCH = 10_000;
/** Between batches, so that requests get their turn: at most 100,000 lines per second, far more than can be written. */
const PAUSE_MS = 100;

@Injectable()
export class RequestLogRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private ending = false;

  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext<GatewayConfig>) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(
      () =>
        void this.trim().catch((error: unknown) =>
          this.platform.logger.warn({ err: error, code: 'request_log_retention' }, 'old requests could not be deleted'),
        ),
      INTERVAL_MS,
    );
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.ending = true;
  }

  /** Rows that another replica is deleting are skipped; that one goes on with the rest. */
  async trim(now = new Date()): Promise<void> {
    const before = new Date(now.getTime() - this.platform.config.SCIM_REQUEST_LOG_DAYS * 86_400_000);
    while ((await this.trimBatch(before)) === BATCH && !this.ending) await pause(PAUSE_MS, undefined, { ref: false });
  }

  private async trimBatch(before: Date): Promise<number> {
    const [deleted] = await this.platform.database.query<{ count: number }>(
      `with gone as (
         delete from scim_request where id in (select id from scim_request where at < $1 order by at limit $2 for update skip locked) returning 1
       ) select count(*)::int as count from gone`,
      [before, BATCH],
    );
    return deleted?.count ?? 0;
  }
}
