/** What the bus tells Prometheus. */
import type { Metrics } from '#platform';

export type Outcome = 'handled' | 'duplicate' | 'parked' | 'queued' | 'dead' | 'ignored';

/** Metrics of a consumer group; one instance per process and registry, whatever the number of groups. */
export class ConsumerMetrics {
  private static readonly known = new WeakMap<Metrics, ConsumerMetrics>();
  private readonly lagSources: (() => Promise<void>)[] = [];
  private readonly parkedSources: (() => Promise<void>)[] = [];
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
    this.events = metrics.counter('events_consumed_total', 'Events by what became of them', [
      'group',
      'topic',
      'outcome',
    ]);
    this.handling = metrics.histogram('event_handling_seconds', 'Time inside the handler', ['group', 'topic']);
    this.delay = metrics.histogram('event_delay_seconds', 'From the change to the end of its handler', [
      'group',
      'topic',
    ]);
    this.retries = metrics.counter('event_retries_total', 'Attempts after the first one', ['group', 'topic']);
    this.lag = metrics.gauge('event_consumer_lag', 'Events not yet consumed', ['group', 'topic'], async (gauge) => {
      // A source that fails leaves a gap: unknown is not the last value.
      gauge.reset();
      await Promise.allSettled(this.lagSources.map((source) => source()));
    });
    this.parkedKeys = metrics.gauge(
      'event_parked_keys',
      'Keys whose events wait because one of them failed',
      ['group', 'topic', 'state'],
      async (gauge) => {
        gauge.reset();
        await Promise.allSettled(this.parkedSources.map((source) => source()));
      },
    );
    this.restarts = metrics.counter('event_consumer_restarts_total', 'Consumers that had to be started anew', [
      'group',
    ]);
  }

  /** Registers who sets the lag and the parked keys of a group at each scrape. */
  reportFrom(lag: () => Promise<void>, parked: () => Promise<void>): void {
    this.lagSources.push(lag);
    this.parkedSources.push(parked);
  }
}

/** Metrics of a publisher. */
export class PublisherMetrics {
  readonly published;
  readonly failures;
  readonly leader;

  constructor(metrics: Metrics) {
    this.published = metrics.counter('events_published_total', 'Events moved from the outbox to the carrier', [
      'schema',
    ]);
    this.failures = metrics.counter(
      'event_publish_failures_total',
      'Batches that the carrier did not take; they stay in the outbox',
      ['schema'],
    );
    this.leader = metrics.gauge('event_sequencer_leader', '1 in the process that publishes this outbox', ['schema']);
  }
}
