/** Reports first refusals to deactivation-worker, as evidence that an offboarding has taken effect. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RefusalBody } from '#contracts';
import { ApiProblem, InternalClient, OffboardingClient } from '#contracts/clients';
import type { FollowLogger } from '#event-bus';
import type { Refusal } from './refusals.js';

export interface ReportRefusalsOptions {
  /** Origin of deactivation-worker, without a path. */
  readonly url: string;
  /** Service token of deactivation-worker's internal API. */
  readonly token: string;
  /** Name of this service in the evidence. */
  readonly service: string;
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
/**
 * Largest number of attempts to send a report. All attempts of one report together take about half an hour, if no other
 * report is in the queue.
 */
const ATTEMPTS = 50;
const TIMEOUT_MS = 3_000;
const RETRY_AFTER_MS = 500;

/**
 * Returns a function for `onRefused`. That function returns at once and never throws, so no request of a user waits for
 * evidence. Reports are sent one after the other. A failed report is retried with pauses. After its last attempt, a
 * report is dropped and logged (`refusal_not_reported`). Queued reports do not keep the process running, and are lost
 * when the process ends.
 */
export function reportRefusals(
  options: ReportRefusalsOptions,
): (accountId: string, at: Date, refusal: Pick<Refusal, 'tenantId'>) => void {
  const reporter = new Reporter(options);
  return (accountId, at, { tenantId }) =>
    reporter.add({ tenantId, accountId, body: { at: at.toISOString(), service: options.service }, attempts: 0 });
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
      // The report moves to the end of the queue. A report that the worker cannot accept must not delay the others.
      if (++report.attempts < ATTEMPTS) this.waiting.push(report);
      else this.drop(report, failure);
      await this.pause();
    }
    this.busy = false;
  }

  /**
   * Sends a report. Returns the reason to try again. Returns null if the report was sent, or if it was dropped because
   * a retry cannot help.
   */
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
