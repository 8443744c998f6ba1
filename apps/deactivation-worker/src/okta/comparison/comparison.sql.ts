import { columnsOf } from '#platform';
import { PersonEntity } from '../../access/person.entity.js';
import { OktaComparisonEntity } from './comparison.entity.js';

/** A comparison without a heartbeat for this time counts as dead. The time is several times the heartbeat interval. */
const DEAD_AFTER = `interval '60 seconds'`;

export const endDeadRuns = `
  update okta_comparison
     set state = 'failed', finished_at = clock_timestamp(), error = 'The process that ran it has ended.', error_code = 'interrupted'
   where state = 'running' and seen_at < clock_timestamp() - ${DEAD_AFTER}`;
/** No row means that a comparison of the tenant is already running, in this or another replica. */
export const beginRun = `
  insert into okta_comparison (id, tenant, cause, progress) values ($1, $2, $3, $4) on conflict do nothing returning id`;
/** No row means that the comparison counted as dead and was ended. */
export const renewRun = `update okta_comparison set seen_at = clock_timestamp(), progress = $2 where id = $1 and state = 'running' returning 1`;
export const endRun = `
  update okta_comparison set state = $2, progress = $3, error = $4, error_code = $5, finished_at = clock_timestamp()
   where id = $1 and state = 'running'`;
export const latestRun = `
  select ${columnsOf(OktaComparisonEntity, { only: ['id', 'cause', 'state', 'startedAt', 'finishedAt', 'progress', 'checked', 'changed', 'error', 'errorCode'] })}
    from okta_comparison where tenant = $1 order by started_at desc limit 1`;
export const forgetOldRuns = `delete from okta_comparison where state <> 'running' and started_at < clock_timestamp() - interval '30 days'`;

/**
 * Reads the people on one page of Okta's list. Deleted accounts are ignored, because their external ids may belong to
 * new accounts.
 */
export const peopleOfPage = `
  select ${columnsOf(PersonEntity, { only: ['externalId', 'userName', 'active', 'desiredAccess', 'oktaState'] })}
    from person where tenant = $1 and external_id = any($2::text[]) and not deleted`;

/**
 * SQL condition: the person has access, whatever SCIM reported about them. An inactive person may still have access: the
 * brake holds their case, the tenant keeps it open, or the deactivation got lost.
 */
const withAccess = `tenant = $1 and desired_access = 'enabled'`;
export const withAccessAfter = `
  select ${columnsOf(PersonEntity, { only: ['id', 'externalId', 'userName', 'oktaState', 'deleted'] })}
    from person where ${withAccess} and id > $2 order by id limit 1000`;
export const countWithAccess = `select count(*)::int as people from person where ${withAccess}`;

/**
 * Adds checks for this comparison. If a person already has a check, the person is checked once more afterwards. The
 * rows are locked in the order of the key.
 */
export const addChecks = `
  insert into okta_check as c (tenant, user_id, causation_id, run, assignment)
  select $1::uuid, u, 'okta-comparison:' || $3::uuid, $3::uuid, true from (select distinct unnest($2::text[]) as u) as users order by u
  on conflict (tenant, user_id) do update
    set newer_causation_id = coalesce(c.newer_causation_id, excluded.causation_id), newer_at = coalesce(c.newer_at, excluded.pushed_at), newer_run = excluded.run, newer_assignment = true`;
export const checksLeft = `select count(*)::int as waiting, max(last_error) as error from okta_check where run = $1 or newer_run = $1`;

/**
 * Connected tenants without a complete comparison since $1, without a running one, and without a nightly attempt in the
 * last half hour.
 */
export const dueTenants = `
  select s.tenant_id as tenant from tenant_settings s
   where coalesce(s.settings -> 'okta', 'null') <> 'null'
     and not exists (
       select 1 from okta_comparison r where r.tenant = s.tenant_id
          and (r.state = 'running' or r.started_at >= clock_timestamp() - interval '30 minutes' and r.cause = 'nightly' or r.state = 'done' and r.started_at >= $1))
   order by s.tenant_id limit 10`;

/**
 * Returns since when every connected tenant is compared: the end of its last complete comparison. For a tenant without one,
 * the time of its first attempt counts, or of its settings if there was no attempt. Null: no tenant is connected.
 */
export const comparedSince = `
  select min(coalesce(r.success, r.attempt, s.received_at)) as at from tenant_settings s
    left join lateral (
      select max(finished_at) filter (where state = 'done') as success, min(started_at) as attempt from okta_comparison where tenant = s.tenant_id) r on true
   where coalesce(s.settings -> 'okta', 'null') <> 'null'`;
export const drift = `
  select d.key as kind, sum((d.value ->> 'count')::int)::int as people
    from (select distinct on (tenant) progress from okta_comparison where state = 'done' order by tenant, started_at desc) r,
         jsonb_each(r.progress -> 'drift') d
   group by 1`;
