/**
 * The queue of people to check in Okta. A claim holds as long as its process renews its lease (`lease_owner`). Each claim
 * has an id of its own: a process that lost its lease without noticing finds that out when it records what it read. Each
 * statement is about one tenant.
 */
import { columnsOf } from '#platform';
import { isLeaseVoid } from '#worker';
import { OktaCheckEntity } from './check.entity.js';

export interface Claimed extends Pick<OktaCheckEntity, 'tenant' | 'userId' | 'causationId' | 'pushedAt' | 'run'> {
  readonly claim: string;
  /** By the database's clock, before Okta is asked: the answer is not older than this. */
  readonly claimedAt: Date;
}

/** No living process has a claim. A process gives up its own claims by {@link releaseForgotten}. */
const isDue = (self: string, leaseSeconds: string): string => `
  due_at <= clock_timestamp() and (lease_owner is null
    or (lease_owner <> ${self} and ${isLeaseVoid('lease_owner', leaseSeconds)}))`;

/** Tenants with a due check, except those of $1. */
export const dueTenants = `
  select tenant from okta_check where tenant <> all($1::uuid[]) and ${isDue('$2', '$3')} group by tenant limit 50`;

/** The oldest first. The read that follows the claim answers all hints from before it. */
export const claimCheck = `
  update okta_check c
     set claim = $2, lease_owner = $3, run = coalesce(newer_run, run),
         newer_causation_id = null, newer_at = null, newer_run = null
   where (tenant, user_id) = (
     select tenant, user_id from okta_check where tenant = $1 and ${isDue('$3', '$4')} order by pushed_at limit 1 for update skip locked)
  returning ${columnsOf(OktaCheckEntity, { only: ['tenant', 'userId', 'causationId', 'pushedAt', 'run', 'claim'] })}, clock_timestamp() as "claimedAt"`;

/** Gives up claims that this process no longer works on, because recording a result failed. */
export const releaseForgotten = `
  update okta_check set claim = null, lease_owner = null, due_at = clock_timestamp() where lease_owner = $1 and claim <> all($2::uuid[])`;

/** Locks the row until commit; no row = another process took over. */
export const lockClaimed = `select 1 from okta_check where tenant = $1 and user_id = $2 and claim = $3 for update`;

export const deleteCheck = `delete from okta_check where tenant = $1 and user_id = $2 and claim = $3 and newer_at is null returning 1`;
/** A hint arrived while Okta was asked, and the answer may be older than that hint. */
export const checkAgain = `
  update okta_check
     set causation_id = newer_causation_id, pushed_at = newer_at, newer_causation_id = null, newer_at = null, run = newer_run, newer_run = null,
         due_at = clock_timestamp(), claim = null, lease_owner = null, attempts = 0, last_error = null, last_error_code = null
   where tenant = $1 and user_id = $2 and claim = $3`;

/** Without an error: the person is unknown here and may still arrive. */
export const postpone = `
  update okta_check
     set due_at = clock_timestamp() + make_interval(secs => $4), claim = null, lease_owner = null, attempts = attempts + 1, last_error = $5, last_error_code = $6
   where tenant = $1 and user_id = $2 and claim = $3`;

/** Makes all checks of a tenant due that are not under way. */
export const wakeTenant = `
  update okta_check set due_at = clock_timestamp() where tenant = $1 and claim is null and due_at > clock_timestamp()`;

/** For a tenant that is no longer connected to Okta. */
export const forgetTenant = `delete from okta_check where tenant = $1`;

/** A deleted account keeps its external id, which may by now belong to a new account. */
export const peopleOfUser = `select id, okta_state as "oktaState" from person where tenant = $1 and external_id = $2 and not deleted order by id`;

export const countForRun = `update okta_comparison set checked = checked + 1, changed = changed + $2 where id = $1`;

/**
 * Adds people who have no access only because of Okta's state. They are checked again and again, because the hook that
 * would restore access can get lost: Okta repeats it once. The interval begins with the last answer about them.
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
