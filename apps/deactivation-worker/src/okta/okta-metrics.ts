/** What waits for Okta, and how far Okta and we are apart. */
import type { Database, Metrics } from '#platform';
import { waitingByState } from './checks/check.sql.js';
import { drift, oldestSuccess } from './compare/compare.sql.js';
import { driftKinds } from './compare/drift.js';

export function watchOkta(database: Database, metrics: Metrics): void {
  const oldest = metrics.gauge('okta_hints_oldest_seconds', 'Age of the oldest question to Okta without an answer');
  metrics.gauge(
    'okta_hints_waiting',
    'People whom Okta has to be asked about; "failing" = the last attempt failed',
    ['state'],
    async (gauge) => {
      const rows = await database.query<{ state: string; checks: number; oldest: number }>(waitingByState);
      for (const state of ['due', 'failing'])
        gauge.set({ state }, rows.find((row) => row.state === state)?.checks ?? 0);
      oldest.set(Math.max(0, ...rows.map((row) => row.oldest)));
    },
  );
  metrics.gauge(
    'okta_compare_last_success_timestamp_seconds',
    'End of the last complete comparison, of the connected tenant for which it is longest ago; 0 = never',
    [],
    async (gauge) => {
      const [row] = await database.query<{ at: Date }>(oldestSuccess);
      gauge.set((row?.at.getTime() ?? 0) / 1_000);
    },
  );
  metrics.gauge(
    'okta_drift',
    'Differences that the last comparisons of all tenants found, by kind',
    ['kind'],
    async (gauge) => {
      const rows = await database.query<{ kind: string; people: number }>(drift);
      for (const kind of driftKinds) gauge.set({ kind }, rows.find((row) => row.kind === kind)?.people ?? 0);
    },
  );
}
