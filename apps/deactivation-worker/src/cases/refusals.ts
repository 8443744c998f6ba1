/** The last line of the evidence: when a service first refused a token of an offboarded person. */
import { Injectable } from '@nestjs/common';
import type { RefusalBody } from '#contracts';
import { Database, Problem } from '#platform';

/**
 * Services have clocks of their own. A refusal may seem this much older than the fence that caused it, or lie this much
 * in the future. It happened after the fence and before now, so the stored instant is moved to the nearer of the two.
 */
const CLOCK_TOLERANCE = '10 minutes';

/**
 * The fence that caused the refusal is the latest one before it; only if there is none, the first one within the
 * tolerance. The earliest refusal of a case is kept, whatever the order of arrival: the update locks the case, and
 * Postgres checks the condition again under that lock.
 */
const recordSql = `
  with report as (select $3::timestamptz as at, clock_timestamp() as now, interval '${CLOCK_TOLERANCE}' as tolerance),
  fenced as (
    select c.id, least(greatest(r.at, c.fenced_at), r.now) as at
      from offboarding_case c, report r
     where c.tenant = $1 and c.account_id = $2 and c.fenced_at <= r.at + r.tolerance and r.at <= r.now + r.tolerance
     order by c.fenced_at <= r.at desc, abs(extract(epoch from c.fenced_at - r.at))
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
   * Idempotent. A refusal that no fence explains is accepted and not stored: tokens of an account that never had access
   * are refused too, and the reporter made no mistake.
   */
  async record(tenant: string, account: string, { at, service }: RefusalBody): Promise<void> {
    const [row] = await this.database.query<{ inFuture: boolean }>(recordSql, [tenant, account, at, service]);
    if (row?.inFuture)
      throw new Problem('invalid_request', `"at" (${at}) lies in the future. Correct the clock of ${service}.`);
  }
}
