import type { Metrics } from '#platform';

export type Outcome = 'handled' | 'duplicate' | 'parked' | 'queued' | 'dead' | 'ignored' | 'deferred';

type Report = () => Promise<void>;

/** Metrics of all consumer groups of the process, one instance per metrics registry. */
export class ConsumerMetrics {
  private static readonly known = new WeakMap<Metrics, ConsumerMetrics>();
  private readonly lagReports: Report[] = [];
  private readonly parkedReports: Report[] = [];
  private readonly tenantReports: Report[] = [];
  readonly events;
  readonly handling;
  readonly delay;
  readonly retries;
  readonly lag;
  readonly parkedKeys;
  readonly tenantAge;
  readonly waitingTenants;
  readonly restarts;

  static of(metrics: Metrics): ConsumerMetrics {
    const known = this.known.get(metrics) ?? new ConsumerMetrics(metrics);
    this.known.set(metrics, known);
    return known;
  }

  private constructor(metrics: Metrics) {
    const topic = ['group', 'topic'] as const;
    this.events = metrics.counter('events_consumed_total', 'Consumed events, by outcome', [...topic, 'outcome']);
    this.handling = metrics.histogram('event_handling_seconds', 'Time that the handlers of an event took', topic);
    this.delay = metrics.histogram(
      'event_delay_seconds',
      'Time from the change to the end of the handlers of its event',
      topic,
    );
    this.retries = metrics.counter('event_retries_total', 'Attempts to handle an event after the first attempt', topic);
    // Reset the gauge at each scrape. If a report fails, its metric then has no value, which is better than an old
    // value.
    const collect = (reports: Report[]) => async (gauge: { reset(): void }) => {
      gauge.reset();
      await Promise.allSettled(reports.map((report) => report()));
    };
    this.lag = metrics.gauge(
      'event_consumer_lag',
      'Events that the group has not consumed yet',
      topic,
      collect(this.lagReports),
    );
    this.parkedKeys = metrics.gauge(
      'event_parked_keys',
      'Keys whose events wait because one of them failed',
      [...topic, 'state'],
      collect(this.parkedReports),
    );
    this.tenantAge = metrics.gauge(
      'event_tenant_lag_seconds',
      'Age of the oldest event of a tenant that the group has not consumed yet; the 20 tenants that wait longest',
      ['group', 'tenant'],
      collect(this.tenantReports),
    );
    this.waitingTenants = metrics.gauge(
      'event_waiting_tenants',
      'Tenants whose oldest event that the group has not consumed is older than a second',
      ['group'],
    );
    this.restarts = metrics.counter('event_consumer_restarts_total', 'Restarts of a Kafka consumer that had ended', [
      'group',
    ]);
  }

  /** Registers the functions that set the lag, the parked keys and the waiting tenants of a group at each scrape. */
  reportFrom(lag: Report, parked: Report, tenants: Report): void {
    this.lagReports.push(lag);
    this.parkedReports.push(parked);
    this.tenantReports.push(tenants);
  }
}
