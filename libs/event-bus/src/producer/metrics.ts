import { sharedRead, type Database, type Metrics, type Queryable } from '#platform';

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
      'Batches that the carrier did not accept; their events stay in the outbox',
      ['schema'],
    );
    this.leader = metrics.gauge(
      'event_sequencer_leader',
      '1 in the process that publishes this outbox, 0 in all others',
      ['schema'],
    );
  }
}

/**
 * Registers the depth and age of the outbox, which are read at each scrape. Use them to alert on events that are stored
 * but not published.
 */
export function watchOutbox(database: Database, metrics: Metrics, schema: string): void {
  const read = sharedRead(async () => {
    const state = await outboxBacklog(database, schema).catch(() => undefined);
    // Remove the series while the database does not answer, because unknown values must not appear as zero.
    if (!state) for (const gauge of [depth, age]) gauge.remove({ schema });
    else {
      depth.set({ schema }, state.depth);
      age.set({ schema }, state.oldestSeconds);
    }
  });
  const ageHelp = 'Age of the oldest event that is stored but not published';
  const age = metrics.gauge('outbox_oldest_seconds', ageHelp, ['schema'], read);
  const depth = metrics.gauge('outbox_depth', 'Events that are stored but not published', ['schema'], read);
}

export interface OutboxBacklog {
  readonly depth: number;
  readonly oldestSeconds: number;
}

export async function outboxBacklog(db: Queryable, schema: string): Promise<OutboxBacklog> {
  const [row] = await db.query<OutboxBacklog>(
    `select count(*)::int as depth, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as "oldestSeconds" from ${schema}.outbox`,
  );
  return row ?? { depth: 0, oldestSeconds: 0 };
}
