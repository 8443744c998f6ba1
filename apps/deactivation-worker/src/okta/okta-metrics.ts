import { Injectable } from '@nestjs/common';
import { OKTA_DRIFT_KINDS } from '#contracts';
import { Database, Metrics, sharedRead } from '#platform';
import { waitingByState } from './checks/check.sql.js';
import { comparedSince, drift } from './comparison/comparison.sql.js';

@Injectable()
export class OktaMetrics {
  constructor(database: Database, metrics: Metrics) {
    const readChecks = sharedRead(async () => {
      const rows = await database.query<{ state: string; checks: number; oldest: number }>(waitingByState);
      for (const state of ['due', 'failing'])
        waiting.set({ state }, rows.find((row) => row.state === state)?.checks ?? 0);
      oldest.set(Math.max(0, ...rows.map((row) => row.oldest)));
    });
    const waiting = metrics.gauge(
      'okta_checks_waiting',
      'People to check in Okta; "failing" means that the last attempt failed',
      ['state'],
      readChecks,
    );
    const oldest = metrics.gauge(
      'okta_checks_oldest_seconds',
      'Age of the oldest waiting check of a person in Okta',
      [],
      readChecks,
    );
    metrics.gauge(
      'okta_comparison_last_success_timestamp_seconds',
      'Every connected tenant was compared, or first attempted, after this time; absent if no tenant is connected',
      [],
      async (gauge) => {
        const [row] = await database.query<{ at: Date | null }>(comparedSince);
        if (row?.at) gauge.set(row.at.getTime() / 1_000);
        else gauge.remove();
      },
    );
    metrics.gauge(
      'okta_drift',
      'Differences that the last comparisons of all tenants found, by kind',
      ['kind'],
      async (gauge) => {
        const rows = await database.query<{ kind: string; people: number }>(drift);
        for (const kind of OKTA_DRIFT_KINDS) gauge.set({ kind }, rows.find((row) => row.kind === kind)?.people ?? 0);
      },
    );
  }
}
