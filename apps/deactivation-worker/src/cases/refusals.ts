import { Injectable } from '@nestjs/common';
import { Database, Problem } from '#platform';

/**
 * Largest accepted difference between the clock of a service and ours. The stored time of a refusal is limited to the
 * time between the fence and now.
 */
const CLOCK_TOLERANCE = '10 minutes';

/** The first fence of a case. A case that was held has a second one, from its release. */
const FENCE = 'coalesce(c.held_at, c.fenced_at)';

/**
 * Stores the refusal in the case whose fence is the latest before the refusal. If no fence is earlier, takes the case
 * with the closest fence within the tolerance. Reports may arrive in any order, and a case keeps its earliest refusal.
 */
const recordSql = `
  with report as (select $3::timestamptz as at, clock_timestamp() as now, interval '${CLOCK_TOLERANCE}' as tolerance),
  fenced as (
    select c.id, least(greatest(r.at, ${FENCE}), r.now) as at
      from offboarding_case c, report r
     where c.tenant = $1 and c.account_id = $2 and ${FENCE} <= r.at + r.tolerance and r.at <= r.now + r.tolerance
     order by ${FENCE} <= r.at desc, abs(extract(epoch from ${FENCE} - r.at))
     limit 1
  ), recorded as (
    update offboarding_case c set first_refused_at = f.at, first_refused_by = $4
      from fenced f where c.id = f.id and (c.first_refused_at is null or c.first_refused_at > f.at)
  )
  select r.at > r.now + r.tolerance as "inFuture" from report r`;

@Injectable()
export class CaseRefusals {
  constructor(private readonly database: Database) {}

  /**
   * A repeated report changes nothing. A refusal without a fence is accepted but not stored, because services also
   * refuse tokens of accounts that never had access.
   */
  async record(tenant: string, account: string, at: string, service: string): Promise<void> {
    const [row] = await this.database.query<{ inFuture: boolean }>(recordSql, [tenant, account, at, service]);
    if (row?.inFuture)
      throw new Problem('invalid_request', `"at" (${at}) lies in the future. Correct the clock of ${service}.`);
  }
}
