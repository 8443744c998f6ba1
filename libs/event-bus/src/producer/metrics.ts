import { waitingTenants, type TenantAge } from '../tenant-lag.js';
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
    tenantAge.reset();
    const state = await outboxBacklog(database, schema).catch(() => undefined);
    // Remove the series while the database does not answer, because unknown values must not appear as zero.
    if (!state) for (const gauge of [depth, age, waiting]) gauge.remove({ schema });
    else {
      depth.set({ schema }, state.depth);
      age.set({ schema }, state.oldestSeconds);
      const { count, longest } = waitingTenants(await outboxAges(database, schema).catch(() => []));
      waiting.set({ schema }, count);
      for (const { tenant, seconds } of longest) tenantAge.set({ schema, tenant }, seconds);
    }
  });
  const ageHelp = 'Age of the oldest event that is stored but not published';
  const age = metrics.gauge('outbox_oldest_seconds', ageHelp, ['schema'], read);
  const tenantAge = metrics.gauge(
    'outbox_tenant_oldest_seconds',
    'Age of the oldest event of a tenant that is stored but not published; the 20 tenants that wait longest',
    ['schema', 'tenant'],
    read,
  );
  const waiting = metrics.gauge(
    'outbox_waiting_tenants',
    'Tenants whose oldest stored event is older than a second',
    ['schema'],
    read,
  );
  const depth = metrics.gauge('outbox_depth', 'Events that are stored but not published', ['schema'], read);
}

/** Returns the age of the oldest event of each tenant and lane, with one index probe for each. */
const outboxAges = (db: Queryable, schema: string): Promise<TenantAge[]> =>
  db.query(
    `with recursive oldest as (
       (select lane, tenant, created_at from ${schema}.outbox order by lane, tenant, id limit 1)
       union all
       (select n.* from oldest w cross join lateral (
         select o.lane, o.tenant, o.created_at from ${schema}.outbox o where (o.lane, o.tenant) > (w.lane, w.tenant)
         order by o.lane, o.tenant, o.id limit 1) n)
     )
     select tenant, extract(epoch from clock_timestamp() - created_at)::float8 as seconds from oldest`,
  );

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
