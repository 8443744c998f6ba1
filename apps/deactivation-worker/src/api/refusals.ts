/** The last line of the evidence: when a service refused a token of somebody who was offboarded, for the first time. */
import { Inject, Injectable } from '@nestjs/common';
import { PLATFORM, Problem, type PlatformContext } from '#platform';
import type { RefusalBody } from './dto.js';

/**
 * Services have clocks of their own. A refusal may seem this much older than the fence that caused it, or lie this much
 * in the future; what is stored is then moved to the fence, or to now: it happened after the one and before the other.
 */
const CLOCK_TOLERANCE = '10 minutes';

/**
 * The fence that refused is the latest one before the refusal; only if there is none, the first one that the tolerance
 * admits. The earliest refusal of a case wins, whatever the order of arrival: the row's lock decides between two at
 * once, and the condition is checked again under it.
 */
const recordRefusal = `
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
export class Refusals {
  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {}

  /**
   * Idempotent. A refusal that no fence explains is taken and forgotten: tokens of an account that never had access are
   * refused, too, and whoever reports that did nothing wrong.
   */
  async record(tenant: string, account: string, { at, service }: RefusalBody): Promise<void> {
    const [row] = await this.platform.database.query<{ inFuture: boolean }>(recordRefusal, [
      tenant,
      account,
      at,
      service,
    ]);
    if (row?.inFuture)
      throw new Problem('invalid_request', `"at" (${at}) lies in the future; set the clock of ${service} right.`);
  }
}
