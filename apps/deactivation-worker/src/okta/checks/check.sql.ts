/**
 * The queue of people to ask Okta about. A claim is worth as much as the sign of life of the process that made it
 * (`lease_owner`): who dies is overtaken at once, and who was only silent finds that out when he wants to record what he
 * read, because each question has a `claim` of its own. Each statement is about one tenant.
 */

/** Nobody who lives is asking. Of its own claims a process lets go itself ({@link releaseForgotten}). */
const isDue = (self: string, leaseSeconds: string): string => `
  due_at <= clock_timestamp() and (lease_owner is null
    or (lease_owner <> ${self} and not exists (select 1 from worker w where w.id = lease_owner and w.seen_at > clock_timestamp() - make_interval(secs => ${leaseSeconds}))))`;

/** Tenants with something due, without those of $1. */
export const dueTenants = `
  select tenant from okta_check where tenant <> all($1::uuid[]) and ${isDue('$2', '$3')} group by tenant limit 50`;

/** The oldest first. What came before the claim is answered by the read that follows it. */
export const claimCheck = `
  update okta_check c
     set claim = $2, lease_owner = $3, run = coalesce(newer_run, run),
         newer_causation_id = null, newer_at = null, newer_run = null
   where (tenant, user_id) = (
     select tenant, user_id from okta_check where tenant = $1 and ${isDue('$3', '$4')} order by pushed_at limit 1 for update skip locked)
  returning user_id, causation_id, pushed_at, run, clock_timestamp() as claimed_at`;

/** Lets go of questions that this process no longer asks (a record that failed). */
export const releaseForgotten = `
  update okta_check set claim = null, lease_owner = null, due_at = clock_timestamp() where lease_owner = $1 and claim <> all($2::uuid[])`;

/** Locks the row; no row = another process took over. */
export const lockClaimed = `select 1 from okta_check where tenant = $1 and user_id = $2 and claim = $3 for update`;

export const deleteCheck = `delete from okta_check where tenant = $1 and user_id = $2 and claim = $3 and newer_at is null returning 1`;
/** A hint came while Okta was asked: the answer may be older than it. */
export const askAgain = `
  update okta_check
     set causation_id = newer_causation_id, pushed_at = newer_at, newer_causation_id = null, newer_at = null, run = newer_run, newer_run = null,
         due_at = clock_timestamp(), claim = null, lease_owner = null, attempts = 0, last_error = null, last_error_code = null
   where tenant = $1 and user_id = $2 and claim = $3`;

/** A null error is patience, no failure. */
export const postpone = `
  update okta_check
     set due_at = clock_timestamp() + make_interval(secs => $4), claim = null, lease_owner = null, attempts = attempts + 1, last_error = $5, last_error_code = $6
   where tenant = $1 and user_id = $2 and claim = $3`;

/** Not those that somebody is asking about. */
export const wakeTenant = `
  update okta_check set due_at = clock_timestamp() where tenant = $1 and claim is null and due_at > clock_timestamp()`;

/** The tenant is no longer connected: there is nobody to ask. */
export const forgetTenant = `delete from okta_check where tenant = $1`;

/** Who is meant; a deleted account keeps its external id and may have had a successor. */
export const peopleOfUser = `select id, okta_state from person where tenant = $1 and external_id = $2 and not deleted order by id`;

export const countForRun = `update okta_compare_run set asked = asked + 1, confirmed = confirmed + $2 where id = $1`;

/**
 * People whom only Okta's word keeps out: asked about again and again, because the hook that would let them in again can
 * get lost (Okta repeats it once). The interval is counted from when Okta was last heard about them.
 */
export const askAboutKeptOut = `
  insert into okta_check (tenant, user_id, causation_id)
  select p.tenant, p.external_id, 'okta-recheck:' || p.id
    from person p join tenant_settings s on s.tenant_id = p.tenant
   where p.okta_state is not null and p.active and not p.deleted and p.external_id is not null
     and p.okta_state_at < clock_timestamp() - make_interval(secs => $1)
     and coalesce(s.settings -> 'okta', 'null') <> 'null'
   order by p.tenant, p.external_id limit 1000
  on conflict do nothing`;

export const waitingByState = `
  select case when last_error is null then 'due' else 'failing' end as state, count(*)::int as checks,
         coalesce(extract(epoch from clock_timestamp() - min(pushed_at)), 0)::float8 as oldest
    from okta_check group by 1`;
