/** How fast doors close: percentiles over the cases themselves, so that they can be asked for any tenant and time. */
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { InternalApi, PLATFORM, type PlatformContext } from '#platform';
import { PercentilesQuery } from './dto.js';

/** `first_refused` is no door: it depends on when the person came back. */
const DOORS = ['fence', 'cognito', 'sign_out', 'sessions', 'confirmed', 'first_refused'] as const;

export interface DoorPercentiles {
  readonly door: (typeof DOORS)[number];
  /** Cases of the time asked for that have closed this door. */
  readonly cases: number;
  /** Milliseconds since the push arrived; null without cases. What the brake held counts from its release. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export interface Percentiles {
  readonly minutes: number;
  readonly tenant: string | null;
  readonly doors: readonly DoorPercentiles[];
}

interface Row {
  door: string;
  cases: number;
  ms: [number, number, number];
}

/** Along the index case_fenced, also without a tenant (Postgres 18 skips through the first column). */
const percentiles = `
  select d.door, count(*)::int as cases,
         percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from d.at - coalesce(c.released_at, c.pushed_at))::float8 * 1000) as ms
    from offboarding_case c
   cross join lateral (values ('fence', c.fenced_at), ('cognito', c.disabled_at), ('sign_out', c.signed_out_at),
     ('sessions', c.sessions_ended_at), ('confirmed', c.confirmed_at), ('first_refused', c.first_refused_at)) as d (door, at)
   where c.fenced_at >= clock_timestamp() - make_interval(mins => $1) and ($2::uuid is null or c.tenant = $2) and d.at is not null
   group by d.door`;

const MINUTES = 60;
const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms * 10) / 10);

@InternalApi()
@Controller('internal/offboarding/percentiles')
export class PercentilesController {
  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {}

  @Get()
  async of(@Query() { minutes = MINUTES, tenant = undefined }: PercentilesQuery): Promise<Percentiles> {
    const rows = await this.platform.database.query<Row>(percentiles, [minutes, tenant ?? null]);
    const doors = DOORS.map((door) => {
      const row = rows.find((r) => r.door === door);
      const [p50Ms, p95Ms, p99Ms] = [0, 1, 2].map((i) => rounded(row?.ms[i]));
      return { door, cases: row?.cases ?? 0, p50Ms: p50Ms ?? null, p95Ms: p95Ms ?? null, p99Ms: p99Ms ?? null };
    });
    return { minutes, tenant: tenant ?? null, doors };
  }
}
