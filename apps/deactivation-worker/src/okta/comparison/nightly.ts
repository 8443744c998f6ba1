/** Compares every connected tenant once a night, and deletes old events of event hooks and old comparisons. */
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, Database, LOGGER, Problem, type Logger } from '#platform';
import { Loop } from '#worker';
import type { WorkerConfig } from '../../config.js';
import { forgetOldHints } from '../hooks/hint.sql.js';
import { dueTenants, endDeadRuns, forgetOldRuns } from './comparison.sql.js';
import { OktaComparisons } from './comparisons.js';

const POLL_MS = 10_000;
const TIDY_EVERY_MS = 3_600_000;
const AT_ONCE = 3;
/**
 * Hours in which tonight's comparison may start. A service that starts in the afternoon does not compare for the past
 * night.
 */
const WINDOW_HOURS = 6;

/** Returns when tonight's comparison became due, or null if none is due now. `hour` is in UTC; -1 means never. */
export function dueSince(now: Date, hour: number): Date | null {
  if (hour < 0) return null;
  const due = new Date(now);
  due.setUTCHours(hour, 0, 0, 0);
  if (due > now) due.setUTCDate(due.getUTCDate() - 1);
  return now.getTime() - due.getTime() < WINDOW_HOURS * 3_600_000 ? due : null;
}

@Injectable()
export class NightlyOktaComparison {
  private readonly loop: Loop;
  private running = 0;
  private tidiedAt = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly comparisons: OktaComparisons,
    @Inject(CONFIG) private readonly config: WorkerConfig,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.loop = new Loop('okta-nightly', POLL_MS, logger, () => this.round());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  private async round(): Promise<boolean> {
    if (performance.now() - this.tidiedAt >= TIDY_EVERY_MS) {
      this.tidiedAt = performance.now();
      await this.database.query(forgetOldRuns);
      while ((await this.database.query(forgetOldHints)).length > 0);
    }
    const since = dueSince(new Date(), this.config.OKTA_COMPARISON_HOUR);
    if (since === null || this.running >= AT_ONCE) return false;
    await this.database.query(endDeadRuns);
    const due = await this.database.query<{ tenant: string }>(dueTenants, [since]);
    for (const { tenant } of due.slice(0, AT_ONCE - this.running)) await this.begin(tenant);
    return false;
  }

  private async begin(tenant: string): Promise<void> {
    try {
      const { done } = await this.comparisons.start(tenant, 'nightly');
      this.running++;
      void done.finally(() => {
        this.running--;
        this.loop.wake();
      });
    } catch (error) {
      // Another replica started the comparison first, or the tenant was disconnected meanwhile.
      if (!(error instanceof Problem)) throw error;
    }
  }
}
