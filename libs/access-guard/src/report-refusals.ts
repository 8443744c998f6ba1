/** Tells deactivation-worker about first refusals, so that the evidence of an offboarding says when its doors were seen shut. */
import type { Logger } from '#platform';
import type { Refusal } from './refusals.js';

export interface ReportRefusalsOptions {
  /** deactivation-worker's, without a path. */
  readonly url: string;
  /** Service token of its internal API. */
  readonly token: string;
  /** Name of this service, as it stands in the evidence. */
  readonly service: string;
  readonly logger: Logger;
  readonly timeoutMs?: number;
  /** Pause after the first failure; doubles with each one that follows, up to a hundred times as much. */
  readonly retryAfterMs?: number;
}

interface Report {
  readonly path: string;
  readonly body: string;
  readonly accountId: string;
  attempts: number;
}

/** Reports that wait; beyond it new ones are dropped. Each takes about 300 bytes. */
const WAITING = 5_000;
/** With the longest pauses about half an hour, if the worker is away and nothing else waits. */
const ATTEMPTS = 50;
const TIMEOUT_MS = 3_000;
const RETRY_AFTER_MS = 500;

/**
 * For `onRefused`. Returns at once and never throws; reports go out one after the other. What the worker does not take
 * is tried again, with pauses, then dropped and logged (`refusal_not_reported`): evidence is not worth a request of a
 * user. Waiting reports do not outlive the process, and do not keep it alive.
 */
export function reportRefusals(
  options: ReportRefusalsOptions,
): (accountId: string, at: Date, refusal: Pick<Refusal, 'tenantId'>) => void {
  const reporter = new Reporter(options);
  return (accountId, at, { tenantId }) =>
    reporter.add({
      path: `/internal/tenants/${encodeURIComponent(tenantId)}/accounts/${encodeURIComponent(accountId)}/refusals`,
      body: JSON.stringify({ at: at.toISOString(), service: options.service }),
      accountId,
      attempts: 0,
    });
}

class Reporter {
  private readonly waiting: Report[] = [];
  private readonly base: string;
  private busy = false;
  private failures = 0;

  constructor(private readonly options: ReportRefusalsOptions) {
    this.base = options.url.replace(/\/+$/, '');
  }

  add(report: Report): void {
    if (this.waiting.length >= WAITING) return this.drop(report, `${WAITING} others wait already`);
    this.waiting.push(report);
    if (!this.busy) void this.drain();
  }

  private async drain(): Promise<void> {
    this.busy = true;
    for (let report = this.waiting.shift(); report; report = this.waiting.shift()) {
      const problem = await this.send(report);
      this.failures = problem === null ? 0 : this.failures + 1;
      if (problem === null) continue;
      // To the end: what the worker chokes on must not keep the others waiting.
      if (++report.attempts < ATTEMPTS) this.waiting.push(report);
      else this.drop(report, problem);
      await this.pause();
    }
    this.busy = false;
  }

  /** Null = done, one way or the other; else why it is worth another try. */
  private async send(report: Report): Promise<string | null> {
    const { token, timeoutMs = TIMEOUT_MS } = this.options;
    try {
      const response = await fetch(`${this.base}${report.path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: report.body,
        // The token goes to the worker and nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const answer = await response.text();
      if (response.ok) return null;
      const problem = `deactivation-worker answered ${response.status}: ${answer.slice(0, 500)}`;
      if (response.status >= 500 || response.status === 429) return problem;
      this.drop(report, problem);
      return null;
    } catch (error) {
      return String(error);
    }
  }

  private drop({ accountId }: Report, reason: string): void {
    this.options.logger.warn(
      { code: 'refusal_not_reported', accountId, reason },
      'the first refusal after a fence could not be reported',
    );
  }

  private async pause(): Promise<void> {
    const { retryAfterMs = RETRY_AFTER_MS } = this.options;
    const ms = Math.min(retryAfterMs * 2 ** Math.min(this.failures - 1, 10), retryAfterMs * 100);
    await new Promise((resolve) => setTimeout(resolve, ms).unref());
  }
}
