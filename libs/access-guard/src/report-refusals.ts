import { setTimeout as sleep } from 'node:timers/promises';
import type { RefusalBody } from '#contracts';
import { ApiProblem, InternalClient, OffboardingClient } from '#contracts/clients';
import type { FollowLogger } from '#event-bus';
import type { Refusal } from './refusals.js';

export interface ReportRefusalsOptions {
  readonly url: string;
  /** Credential at deactivation-worker, `<caller>.<secret>`, with the scope `report-refusals`. */
  readonly token: string;
  readonly logger: FollowLogger;
  readonly timeoutMs?: number;
  /** Pause after the first failure. It doubles with each further failure, up to a hundred times the first pause. */
  readonly retryAfterMs?: number;
}

interface Report {
  readonly tenantId: string;
  readonly accountId: string;
  readonly body: RefusalBody;
  attempts: number;
}

/** Largest number of waiting reports, about 300 bytes each. Further reports are dropped. */
const WAITING = 5_000;
/** Largest number of attempts to send a report. All attempts take about half an hour if no other report waits. */
const ATTEMPTS = 50;
const TIMEOUT_MS = 3_000;
const RETRY_AFTER_MS = 500;

/**
 * Returns an `onRefused` function that sends each first refusal to deactivation-worker. The function returns at once
 * and never throws, so no request waits for a report. Reports are sent one after the other and retried with pauses.
 * Waiting reports are lost when the process ends.
 */
export function reportRefusals(
  options: ReportRefusalsOptions,
): (accountId: string, at: Date, refusal: Pick<Refusal, 'tenantId'>) => void {
  const reporter = new Reporter(options);
  return (accountId, at, { tenantId }) =>
    reporter.add({ tenantId, accountId, body: { at: at.toISOString() }, attempts: 0 });
}

class Reporter {
  private readonly waiting: Report[] = [];
  private readonly worker: OffboardingClient;
  private busy = false;
  private failures = 0;

  constructor(private readonly options: ReportRefusalsOptions) {
    const { url, token, timeoutMs = TIMEOUT_MS } = options;
    this.worker = new OffboardingClient(new InternalClient({ service: 'deactivation-worker', url, token, timeoutMs }));
  }

  add(report: Report): void {
    if (this.waiting.length >= WAITING) return this.drop(report, `${WAITING} other reports already wait`);
    this.waiting.push(report);
    if (!this.busy) void this.sendAll();
  }

  private async sendAll(): Promise<void> {
    this.busy = true;
    for (let report = this.waiting.shift(); report; report = this.waiting.shift()) {
      const failure = await this.send(report);
      this.failures = failure === null ? 0 : this.failures + 1;
      if (failure === null) continue;
      // Move the report to the end of the queue. A report that the worker never accepts then does not delay the others.
      if (++report.attempts < ATTEMPTS) this.waiting.push(report);
      else this.drop(report, failure);
      await this.pause();
    }
    this.busy = false;
  }

  /** Sends a report. Returns why it must be sent again, or null if it was sent or dropped. */
  private async send(report: Report): Promise<string | null> {
    try {
      await this.worker.reportRefusal(report.tenantId, report.accountId, report.body);
      return null;
    } catch (error) {
      if (!(error instanceof ApiProblem)) return String(error);
      const failure = error.code ? `deactivation-worker answered ${error.status}: ${error.message}` : error.message;
      if (error.status >= 500 || error.status === 429) return failure;
      this.drop(report, failure);
      return null;
    }
  }

  private drop({ accountId }: Report, reason: string): void {
    this.options.logger.warn(
      { code: 'refusal_not_reported', accountId, reason },
      'Cannot report the first refusal after a fence. The evidence of the offboarding does not include it.',
    );
  }

  private async pause(): Promise<void> {
    const { retryAfterMs = RETRY_AFTER_MS } = this.options;
    const ms = Math.min(retryAfterMs * 2 ** Math.min(this.failures - 1, 10), retryAfterMs * 100);
    await sleep(ms, undefined, { ref: false });
  }
}
