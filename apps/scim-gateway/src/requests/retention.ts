/** Deletes old lines of the SCIM request log, a bounded number at a time. */
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { PLATFORM, type PlatformContext } from '#platform';
import type { GatewayConfig } from '../config.js';

const INTERVAL_MS = 10 * 60_000;
const BATCH = 10_000;

@Injectable()
export class RequestLogRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

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
  }

  /** Rows that another replica is deleting are skipped. */
  async trim(now = new Date()): Promise<void> {
    const before = new Date(now.getTime() - this.platform.config.SCIM_REQUEST_LOG_DAYS * 86_400_000);
    await this.platform.database.query(
      'delete from scim_request where id in (select id from scim_request where at < $1 order by at limit $2 for update skip locked)',
      [before, BATCH],
    );
  }
}
