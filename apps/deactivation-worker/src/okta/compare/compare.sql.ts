/** Comparisons of a tenant with its Okta app: their runs, the people on our side, and whom to ask Okta about. */

/** Several times the interval of the signs of life. */
const DEAD_AFTER = `interval '60 seconds'`;

export const endDeadRuns = `
  update okta_compare_run
     set state = 'failed', finished_at = clock_timestamp(), error = 'The process that ran it has ended.', error_code = 'interrupted'
   where state = 'running' and seen_at < clock_timestamp() - ${DEAD_AFTER}`;
/** No row = one is running, here or in another replica. */
export const beginRun = `
  insert into okta_compare_run (id, tenant, cause, progress) values ($1, $2, $3, $4) on conflict do nothing returning id`;
/** No row = it was taken for dead. */
export const signOfLife = `update okta_compare_run set seen_at = clock_timestamp(), progress = $2 where id = $1 and state = 'running' returning 1`;
export const endRun = `
  update okta_compare_run set state = $2, progress = $3, error = $4, error_code = $5, finished_at = clock_timestamp()
   where id = $1 and state = 'running'`;
export const latestRun = `
  select id, cause, state, started_at as "startedAt", finished_at as "finishedAt", progress, asked, confirmed, error, error_code as "errorCode"
    from okta_compare_run where tenant = $1 order by started_at desc limit 1`;
export const forgetOldRuns = `delete from okta_compare_run where state <> 'running' and started_at < clock_timestamp() - interval '30 days'`;

/** What a page of Okta's list is about. Deleted accounts have no say: their external ids may belong to a successor. */
export const peopleOfPage = `
  select external_id, user_name, active, door, okta_state from person where tenant = $1 and external_id = any($2::text[]) and not deleted`;

/**
 * Everybody with access whom SCIM calls active, in the order of their ids, after $2. About the others SCIM has spoken
 * already: the brake holds them, or the tenant wants them to stay.
 */
const open = `tenant = $1 and door = 'open' and active and not deleted`;
export const openAfter = `select id, external_id, user_name, okta_state from person where ${open} and id > $2 order by id limit 1000`;
export const countOpen = `select count(*)::int as open from person where ${open}`;

/** Rows that wait already are asked for this run too, after whatever is under way. Locks in the order of the key. */
export const askAbout = `
  insert into okta_check as c (tenant, user_id, causation_id, run)
  select $1::uuid, u, 'okta-compare:' || $3::uuid, $3::uuid from (select distinct unnest($2::text[]) as u) as users order by u
  on conflict (tenant, user_id) do update
    set newer_causation_id = coalesce(c.newer_causation_id, excluded.causation_id), newer_at = coalesce(c.newer_at, excluded.pushed_at), newer_run = excluded.run`;
export const askedStill = `select count(*)::int as waiting, max(last_error) as error from okta_check where run = $1 or newer_run = $1`;

/** Tenants that are connected and were not compared since $1, nor tried within half an hour. */
export const dueTenants = `
  select s.tenant_id as tenant from tenant_settings s
   where coalesce(s.settings -> 'okta', 'null') <> 'null'
     and not exists (
       select 1 from okta_compare_run r where r.tenant = s.tenant_id
          and (r.state = 'running' or r.started_at >= clock_timestamp() - interval '30 minutes' and r.cause = 'nightly' or r.state = 'done' and r.started_at >= $1))
   order by s.tenant_id limit 10`;

/** The tenant that was not compared for longest decides; a connected tenant without any comparison counts as never. */
export const oldestSuccess = `
  select coalesce(min(coalesce(r.at, 'epoch'::timestamptz)), 'epoch'::timestamptz) as at from tenant_settings s
    left join lateral (select max(finished_at) as at from okta_compare_run where tenant = s.tenant_id and state = 'done') r on true
   where coalesce(s.settings -> 'okta', 'null') <> 'null'`;
/** Of each tenant's last complete comparison. */
export const drift = `
  select d.key as kind, sum((d.value ->> 'count')::int)::int as people
    from (select distinct on (tenant) progress from okta_compare_run where state = 'done' order by tenant, started_at desc) r,
         jsonb_each(r.progress -> 'drift') d
   group by 1`;
