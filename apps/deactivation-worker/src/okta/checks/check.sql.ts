/**
 * The queue of people to check in Okta. A claim is valid while its process renews its lease (`lease_owner`). Each claim
 * has its own id. A process that lost its claim without noticing then cannot record its result.
 */
import { columnsOf } from '#platform';
import { isLeaseVoid } from '#worker';
import { OktaCheckEntity } from './check.entity.js';

export interface Claimed extends Pick<
  OktaCheckEntity,
  'tenant' | 'userId' | 'causationId' | 'pushedAt' | 'run' | 'assignment'
> {
  readonly claim: string;
  /**
   * Time of the claim by the database's clock. Okta is read after the claim, so Okta's response is not older than this
   * time.
   */
  readonly claimedAt: Date;
}

/**
 * SQL condition: the check is due, and no living process has claimed it. A check that this process has claimed is never
 * due; {@link releaseForgotten} ends such claims.
 */
const isDue = (self: string, leaseSeconds: string): string => `
  due_at <= clock_timestamp() and (lease_owner is null
    or (lease_owner <> ${self} and ${isLeaseVoid('lease_owner', leaseSeconds)}))`;

export const dueTenants = `
  select tenant from okta_check where tenant <> all($1::uuid[]) and ${isDue('$2', '$3')} group by tenant limit 50`;

/**
 * Claims the oldest due check. Checks for held cases come last, because a mass of them must not delay event hooks. The result
 * of the check covers all events from before the claim.
 */
export const claimCheck = `
  update okta_check c
     set claim = $2, lease_owner = $3, run = coalesce(newer_run, run), assignment = assignment or newer_assignment,
         newer_causation_id = null, newer_at = null, newer_run = null, newer_assignment = false
   where (tenant, user_id) = (
     select tenant, user_id from okta_check where tenant = $1 and ${isDue('$3', '$4')} order by held, pushed_at limit 1 for update skip locked)
  returning ${columnsOf(OktaCheckEntity, { only: ['tenant', 'userId', 'causationId', 'pushedAt', 'run', 'assignment', 'claim'] })}, clock_timestamp() as "claimedAt"`;

/**
 * Ends the claims that process `$1` no longer needs. `$2` contains the claims on which the process still works. A claim
 * is left over if the process could not record a result.
 */
export const releaseForgotten = `
  update okta_check set claim = null, lease_owner = null, due_at = clock_timestamp() where lease_owner = $1 and claim <> all($2::uuid[])`;

/** Locks the check until commit. No row means that another process took over the check. */
export const lockClaimed = `select 1 from okta_check where tenant = $1 and user_id = $2 and claim = $3 for update`;

export const deleteCheck = `delete from okta_check where tenant = $1 and user_id = $2 and claim = $3 and newer_at is null returning 1`;
/** Makes the check due again, because an event arrived after the claim and may be newer than Okta's response. */
export const checkAgain = `
  update okta_check
     set causation_id = newer_causation_id, pushed_at = newer_at, newer_causation_id = null, newer_at = null, run = newer_run, newer_run = null,
         assignment = newer_assignment, newer_assignment = false, due_at = clock_timestamp(), claim = null, lease_owner = null, attempts = 0, last_error = null, last_error_code = null
   where tenant = $1 and user_id = $2 and claim = $3`;

/**
 * Makes the check due later. `$5` is the error, or null if the directory's event about the person has not arrived yet.
 */
export const postpone = `
  update okta_check
     set due_at = clock_timestamp() + make_interval(secs => $4), claim = null, lease_owner = null, attempts = attempts + 1, last_error = $5, last_error_code = $6
   where tenant = $1 and user_id = $2 and claim = $3`;

export const wakeTenant = `
  update okta_check set due_at = clock_timestamp() where tenant = $1 and claim is null and due_at > clock_timestamp()`;

export const forgetTenant = `delete from okta_check where tenant = $1`;

/**
 * Finds people by their Okta user id. Deleted accounts are ignored: they keep their external id, which may now belong
 * to a new account.
 */
export const peopleOfUser = `select id, okta_state as "oktaState" from person where tenant = $1 and external_id = $2 and not deleted order by id`;

export const countForRun = `update okta_comparison set checked = checked + 1, changed = changed + $2 where id = $1`;

/**
 * Adds checks of people who are active in the directory, but have no access because of the state that Okta reported.
 * The event hook that would restore their access can get lost, because Okta repeats a delivery only once. `$1` is the
 * minimum number of seconds since the last response about the person.
 */
export const recheckExcluded = `
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

/**
 * Adds checks of people whose cases the brake holds, and about whom Okta was not asked since the hold began. If Okta
 * confirms the offboarding, the case is released.
 */
export const checkHeld = `
  insert into okta_check (tenant, user_id, causation_id, held)
  select distinct on (p.tenant, p.external_id) p.tenant, p.external_id, 'okta-held:' || c.id, true
    from offboarding_case c join person p on p.id = c.account_id join tenant_settings s on s.tenant_id = c.tenant
   where c.state = 'held' and p.external_id is not null and not p.deleted
     and (p.okta_state_at is null or p.okta_state_at < c.held_at) and coalesce(s.settings -> 'okta', 'null') <> 'null'
   order by p.tenant, p.external_id, c.id limit 1000
  on conflict do nothing`;
