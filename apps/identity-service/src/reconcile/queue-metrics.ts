/** What waits for Cognito, read at each scrape. */
import type { Database, Metrics } from '#platform';
import { dirtyByPriority, failedByClass } from './queue.sql.js';

const PRIORITIES = [0, 1, 2];

export function watchQueue(database: Database, metrics: Metrics): void {
  const oldest = metrics.gauge(
    'identity_dirty_oldest_seconds',
    'Age of the oldest account that Cognito does not show yet',
    ['priority'],
  );
  metrics.gauge('identity_dirty_accounts', 'Accounts that Cognito does not show yet', ['priority'], async (gauge) => {
    const rows = await database.query<{ priority: number; accounts: number; oldest: number }>(dirtyByPriority);
    for (const priority of PRIORITIES) {
      const row = rows.find((r) => r.priority === priority);
      gauge.set({ priority }, row?.accounts ?? 0);
      oldest.set({ priority }, row?.oldest ?? 0);
    }
  });
  metrics.gauge(
    'identity_failed_accounts',
    'Accounts whose last attempt failed, by class; alarm on permanent and conflict',
    ['class'],
    async (gauge) => {
      gauge.reset();
      for (const row of await database.query<{ class: string; accounts: number }>(failedByClass))
        gauge.set({ class: row.class }, row.accounts);
    },
  );
}
