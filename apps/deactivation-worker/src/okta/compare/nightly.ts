/** Compares every connected tenant once a night, and clears away what is old. */
import { Problem, type PlatformContext } from '#platform';
import { Loop } from '#worker';
import { forgetOldHints } from '../hooks/hint.sql.js';
import type { OktaCompare } from './compare.js';
import { dueTenants, endDeadRuns, forgetOldRuns } from './compare.sql.js';

const POLL_MS = 10_000;
const TIDY_EVERY_MS = 3_600_000;
const AT_ONCE = 3;
/** A service that starts in the afternoon does not make up for the night. */
const WINDOW_HOURS = 6;

/** When the night's comparison was due; null = it is not the time of day for it. `hour` in UTC, -1 = never. */
export function dueSince(now: Date, hour: number): Date | null {
  if (hour < 0) return null;
  const due = new Date(now);
  due.setUTCHours(hour, 0, 0, 0);
  if (due > now) due.setUTCDate(due.getUTCDate() - 1);
  return now.getTime() - due.getTime() < WINDOW_HOURS * 3_600_000 ? due : null;
}

export class NightlyCompare {
  private readonly loop: Loop;
  private running = 0;
  private tidiedAt = -Infinity;

  constructor(
    private readonly platform: PlatformContext,
    private readonly compare: OktaCompare,
    private readonly hour: number,
  ) {
    this.loop = new Loop('okta-nightly', POLL_MS, platform.logger, () => this.round());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  private async round(): Promise<boolean> {
    const { database } = this.platform;
    if (performance.now() - this.tidiedAt >= TIDY_EVERY_MS) {
      this.tidiedAt = performance.now();
      await database.query(forgetOldRuns);
      while ((await database.query(`${forgetOldHints} returning 1`)).length > 0);
    }
    const since = dueSince(new Date(), this.hour);
    if (since === null || this.running >= AT_ONCE) return false;
    await database.query(endDeadRuns);
    const due = await database.query<{ tenant: string }>(dueTenants, [since]);
    for (const { tenant } of due.slice(0, AT_ONCE - this.running)) await this.begin(tenant);
    return false;
  }

  private async begin(tenant: string): Promise<void> {
    try {
      const { done } = await this.compare.start(tenant, 'nightly');
      this.running++;
      void done.finally(() => {
        this.running--;
        this.loop.wake();
      });
    } catch (error) {
      // Another replica was faster, or the tenant was disconnected this moment.
      if (!(error instanceof Problem)) throw error;
    }
  }
}
