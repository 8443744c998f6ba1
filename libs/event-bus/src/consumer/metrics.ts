/** Prometheus metrics of the consumer groups of a process. */
import type { Metrics } from '#platform';

export type Outcome = 'handled' | 'duplicate' | 'parked' | 'queued' | 'dead' | 'ignored';

type Report = () => Promise<void>;

/** One instance per registry, whatever the number of groups. */
export class ConsumerMetrics {
  private static readonly known = new WeakMap<Metrics, ConsumerMetrics>();
  private readonly lagReports: Report[] = [];
  private readonly parkedReports: Report[] = [];
  readonly events;
  readonly handling;
  readonly delay;
  readonly retries;
  readonly lag;
  readonly parkedKeys;
  readonly restarts;

  static of(metrics: Metrics): ConsumerMetrics {
    const known = this.known.get(metrics) ?? new ConsumerMetrics(metrics);
    this.known.set(metrics, known);
    return known;
  }

  private constructor(metrics: Metrics) {
    const topic = ['group', 'topic'] as const;
    this.events = metrics.counter('events_consumed_total', 'Events by outcome', [...topic, 'outcome']);
    this.handling = metrics.histogram('event_handling_seconds', 'Time inside the handler', topic);
    this.delay = metrics.histogram('event_delay_seconds', 'From the change to the end of its handler', topic);
    this.retries = metrics.counter('event_retries_total', 'Attempts after the first one', topic);
    // A report that fails leaves a gap: the last value is not the current one.
    const collect = (reports: Report[]) => async (gauge: { reset(): void }) => {
      gauge.reset();
      await Promise.allSettled(reports.map((report) => report()));
    };
    this.lag = metrics.gauge('event_consumer_lag', 'Events not yet consumed', topic, collect(this.lagReports));
    this.parkedKeys = metrics.gauge(
      'event_parked_keys',
      'Keys whose events wait because one of them failed',
      [...topic, 'state'],
      collect(this.parkedReports),
    );
    this.restarts = metrics.counter('event_consumer_restarts_total', 'Kafka consumers that ended and were restarted', [
      'group',
    ]);
  }

  /** Registers the reports of a group; they set its lag and its parked keys at each scrape. */
  reportFrom(lag: Report, parked: Report): void {
    this.lagReports.push(lag);
    this.parkedReports.push(parked);
  }
}
