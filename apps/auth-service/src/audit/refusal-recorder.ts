/** Records each refused request as a line in the log and a row in the audit. */
import { Inject, Injectable } from '@nestjs/common';
import { Database, LOGGER, Metrics, RateLimit, type Logger } from '#platform';
import { record, type AuditEntry } from './audit.js';

/** Limit of rows per second, in each process, for refusals that anonymous callers can trigger at will. */
const PER_SECOND = 5;
const BURST = 200;

interface Refusal extends AuditEntry {
  readonly code: string;
}

@Injectable()
export class RefusalRecorder {
  private readonly rate = new RateLimit(PER_SECOND, BURST);
  private readonly leftOut;

  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.leftOut = metrics.counter(
      'auth_audit_left_out_total',
      'Refused requests that were not written to the audit, because there were too many',
    );
  }

  /**
   * Records a refused request. Never rejects: the caller is refused even if the audit row cannot be written. If
   * StackFlow is at fault (`failed`), the log contains the whole `error`. Otherwise it contains only the message of
   * `error.cause`.
   */
  async refused(
    what: string,
    refusal: Refusal,
    { error, failed, rateLimited }: { readonly error: Error; readonly failed: boolean; readonly rateLimited: boolean },
  ): Promise<void> {
    const { tenant, code, detail } = refusal;
    if (failed) this.logger.error({ tenant, err: error, code, ...detail }, `${what} failed`);
    else {
      const reason = error.cause instanceof Error ? error.cause.message : undefined;
      this.logger.warn({ tenant, code, ...detail, reason }, `${what} refused`);
    }
    await (rateLimited ? this.rateLimited(refusal) : record(this.database, refusal)).catch((failure: unknown) =>
      this.logger.error(
        { tenant, err: failure, code: 'audit_not_written' },
        'Cannot write the audit row of a refused request. The request was refused, but the audit does not show it. Check the database.',
      ),
    );
  }

  /** Writes the audit row, or only counts the refusal if there are too many. Rejects if the database fails. */
  async rateLimited(refusal: Refusal): Promise<void> {
    if (this.rate.take('') > 0) return this.leftOut.inc();
    await record(this.database, refusal);
  }
}
