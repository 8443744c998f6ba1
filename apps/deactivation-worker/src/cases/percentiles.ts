import { Injectable } from '@nestjs/common';
import { CASE_STEPS, type CaseStep, type Percentiles, type PercentilesQuery } from '#contracts';
import { Database } from '#platform';

/**
 * A refusal from before the release of a held case belongs to the hold, and is left out.
 *
 * Reads along the index case_fenced. Without a tenant, Postgres 18 uses a skip scan over the first column.
 */
const percentilesSql = `
  select s.step, count(*)::int as cases,
         percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from s.at - coalesce(c.released_at, c.pushed_at))::float8 * 1000) as ms
    from offboarding_case c
   cross join lateral (values ('fenced', c.fenced_at), ('disabled', c.disabled_at), ('signed_out', c.signed_out_at),
     ('sessions_ended', c.sessions_ended_at), ('confirmed', c.confirmed_at), ('first_refused', c.first_refused_at)) as s (step, at)
   where c.fenced_at >= clock_timestamp() - make_interval(mins => $1) and ($2::uuid is null or c.tenant = $2) and s.at >= coalesce(c.released_at, c.pushed_at)
   group by s.step`;

const MINUTES = 60;
const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms * 10) / 10);

@Injectable()
export class CasePercentiles {
  constructor(private readonly database: Database) {}

  async of({ minutes = MINUTES, tenant }: PercentilesQuery): Promise<Percentiles> {
    const rows = await this.database.query<{ step: CaseStep; cases: number; ms: number[] }>(percentilesSql, [
      minutes,
      tenant ?? null,
    ]);
    const steps = CASE_STEPS.map((step) => {
      const { cases = 0, ms = [] } = rows.find((row) => row.step === step) ?? {};
      return { step, cases, p50Ms: rounded(ms[0]), p95Ms: rounded(ms[1]), p99Ms: rounded(ms[2]) };
    });
    return { minutes, tenant: tenant ?? null, steps };
  }
}
