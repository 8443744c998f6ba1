/**
 * Refusals that cost nothing to provoke (no valid state, no session) may fill no disk: each process records so many of
 * them and leaves the rest to the log and the metrics. Whatever takes a login under way to provoke is always recorded.
 */
import { Inject, Injectable } from '@nestjs/common';
import { PLATFORM, type PlatformContext } from '#platform';
import { record, type AuditEntry } from '../audit.js';

const PER_SECOND = 5;
const BURST = 200;

@Injectable()
export class AuditBudget {
  private tokens = BURST;
  private filledAt = performance.now();
  private readonly leftOut;

  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {
    this.leftOut = platform.metrics.counter(
      'auth_audit_left_out_total',
      'Refusals of anonymous requests that the audit left out because there were too many',
    );
  }

  /** Rejects when the database does. */
  async record(entry: AuditEntry): Promise<void> {
    const now = performance.now();
    this.tokens = Math.min(BURST, this.tokens + ((now - this.filledAt) / 1000) * PER_SECOND);
    this.filledAt = now;
    if (this.tokens < 1) return this.leftOut.inc();
    this.tokens--;
    await record(this.platform.database, entry);
  }
}
