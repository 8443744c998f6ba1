/** Reports first refusals to deactivation-worker, for the evidence that an offboarding has taken effect. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RefusalBody } from '#contracts';
import { ApiProblem, InternalClient, OffboardingClient } from '#contracts/clients';
import type { Logger } from '#platform';
import type { Refusal } from './refusals.js';

export interface ReportRefusalsOptions {
  /** Origin of deactivation-worker, without a path. */
  readonly url: string;
  /** Service token of its internal API. */
  readonly token: string;
  /** Name of this service, as the evidence shows it. */
  readonly service: string;
  readonly logger: Logger;
  readonly timeoutMs?: number;
  /** Pause after the first failure; doubles with each further one, up to a hundred times as much. */
  readonly retryAfterMs?: number;
}

interface Report {
  readonly tenantId: string;
  readonly accountId: string;
  readonly body: RefusalBody;
  attempts: number;
}

/** Reports that may wait; further ones are dropped. Each takes about 300 bytes. */
const WAITING = 5_000;
/** About half an hour with the longest pauses, if the worker is down and nothing else waits. */
const ATTEMPTS = 50;
const TIMEOUT_MS = 3_000;
const RETRY_AFTER_MS = 500;

/**
 * For `onRefused`. Returns at once and never throws; reports are sent one after the other. A report that fails is
 * retried with pauses, and at last dropped and logged (`refusal_not_reported`): no request of a user waits for evidence.
 * Waiting reports end with the process, and do not keep it running.
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
    if (this.waiting.length >= WAITING) return this.drop(report, `${WAITING} others wait already`);
    this.waiting.push(report);
    if (!this.busy) void this.sendAll();
  }

  private async sendAll(): Promise<void> {
    this.busy = true;
    for (let report = this.waiting.shift(); report; report = this.waiting.shift()) {
      const failure = await this.send(report);
      this.failures = failure === null ? 0 : this.failures + 1;
      if (failure === null) continue;
      // To the end of the queue: a report that the worker cannot take must not delay the others.
      if (++report.attempts < ATTEMPTS) this.waiting.push(report);
      else this.drop(report, failure);
      await this.pause();
    }
    this.busy = false;
  }

  /** Null = reported, or dropped because another try cannot help; otherwise the reason to try again. */
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
      'the first refusal after a fence could not be reported; the evidence of the offboarding lacks it',
    );
  }

  private async pause(): Promise<void> {
    const { retryAfterMs = RETRY_AFTER_MS } = this.options;
    const ms = Math.min(retryAfterMs * 2 ** Math.min(this.failures - 1, 10), retryAfterMs * 100);
    await sleep(ms, undefined, { ref: false });
  }
}
