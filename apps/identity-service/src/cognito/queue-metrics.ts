/** Metrics of the accounts that wait for Cognito, read from the database at each scrape. */
import { Injectable } from '@nestjs/common';
import { Database, Metrics, sharedRead } from '#platform';
import { PRIORITY } from '../accounts/transition.js';

const dirtyByPriority = `
  select priority, count(*)::int as accounts, coalesce(extract(epoch from clock_timestamp() - min(dirty_since)), 0)::float8 as oldest
    from account where desired_revision > applied_revision group by priority`;
const failedByClass = `
  select last_error_class as class, count(*)::int as accounts from account
   where desired_revision > applied_revision and last_error_class is not null group by 1`;

@Injectable()
export class QueueMetrics {
  constructor(database: Database, metrics: Metrics) {
    const readDirty = sharedRead(async () => {
      const rows = await database.query<{ priority: number; accounts: number; oldest: number }>(dirtyByPriority);
      for (const priority of Object.values(PRIORITY)) {
        const row = rows.find((r) => r.priority === priority);
        dirty.set({ priority }, row?.accounts ?? 0);
        oldest.set({ priority }, row?.oldest ?? 0);
      }
    });
    const dirty = metrics.gauge(
      'identity_dirty_accounts',
      'Accounts whose latest change Cognito does not show yet',
      ['priority'],
      readDirty,
    );
    const oldest = metrics.gauge(
      'identity_dirty_oldest_seconds',
      'Age of the oldest account change that Cognito does not show yet',
      ['priority'],
      readDirty,
    );
    const failed = 'Accounts whose last update of Cognito failed, by class; raise an alarm for permanent and conflict';
    metrics.gauge('identity_failed_accounts', failed, ['class'], async (gauge) => {
      gauge.reset();
      for (const row of await database.query<{ class: string; accounts: number }>(failedByClass))
        gauge.set({ class: row.class }, row.accounts);
    });
  }
}
