/** Requests are counted in plain numbers, because a labelled counter of prom-client costs 0.3 us per call. */
import type { Metrics } from '#platform';
import { Counter } from 'prom-client';
import type { Freshness } from './decide.js';
import { denialReasons, type DenialReason } from './denied.js';

export type Outcome = 'allowed' | DenialReason;

export class GuardMetrics {
  private readonly counts = Object.fromEntries(['allowed', ...denialReasons].map((o) => [o, 0])) as Record<
    Outcome,
    number
  >;

  count(outcome: Outcome): void {
    this.counts[outcome]++;
  }

  register(metrics: Metrics, freshness: () => Freshness): void {
    const { counts } = this;
    metrics.gauge(
      'access_guard_lag_seconds',
      'Seconds since this process last had every record of identity.access. -1 means that it never had.',
      [],
      (gauge) => {
        const { state, lagMs } = freshness();
        gauge.set(state === 'bootstrapping' ? -1 : lagMs / 1000);
      },
    );
    metrics.gauge('access_guard_accounts', 'Accounts in identity.access', [], (gauge) =>
      gauge.set(freshness().accounts),
    );
    new Counter({
      name: 'access_guard_decisions_total',
      help: 'Requests by the decision of the guard',
      labelNames: ['outcome'],
      registers: [metrics.registry],
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(counts)) this.inc({ outcome }, count);
      },
    });
  }
}
