/** The reconciler's work queue: dirty accounts, leases, results. Each statement is a short transaction of its own. */
import { prepared } from '#platform';

/**
 * `skip locked`: replicas and event handlers that hold a row do not make us wait. A lease is valid while its owner
 * shows signs of life; one that is taken over tells (by the former owner) that Cognito's state is uncertain.
 */
export const claimAccounts = prepared(`
  with due as (
    select a.id, a.lease_owner from account a
     where a.desired_revision > a.applied_revision and a.next_attempt_at <= clock_timestamp() and a.priority between $2 and $3
       and (a.lease_owner is null or not exists (select 1 from worker w where w.id = a.lease_owner and w.seen_at > clock_timestamp() - make_interval(secs => $5)))
     order by a.priority, a.next_attempt_at limit $4
       for update of a skip locked
  )
  update account a set lease_owner = $1 from due where a.id = due.id
  returning a.id, a.tenant, a.status, a.user_name, a.external_id, a.email, a.display_name, a.given_name, a.family_name, a.roles,
            a.priority, a.desired_revision as revision, a.applied, due.lease_owner is not null as taken_over,
            a.provisioned_at is not null as provisioned, a.attempts, a.traceparent, a.dirty_since::text as dirty_since`);

/** Locks the row; no row = the lease was lost. */
export const lockLeased = prepared(
  `select status, roles, version, user_name, external_id, email, display_name, causation_id from account where id = $1 and lease_owner = $2 for update`,
);

/**
 * A change during the calls (desired_revision grew) leaves the account dirty and due at once. `account.provisioned`
 * tells the status of this moment, except a removal: that is always told by itself.
 */
export const recordSynced = prepared(`
  update account
     set applied = case when distrust_revision > $4 then null else $3::jsonb end, applied_revision = $4, lease_owner = null, attempts = 0, last_error = null, last_error_class = null,
         synced_at = clock_timestamp(), next_attempt_at = clock_timestamp(),
         provisioned_at = case when $5 then coalesce(provisioned_at, clock_timestamp()) else provisioned_at end,
         told_status = coalesce(told_status, case when $5 then case status when 'removed' then 'inactive' else status end end),
         version = version + $6,
         dirty_since = case when desired_revision > $4 then clock_timestamp() end
   where id = $1 and lease_owner = $2
  returning extract(epoch from clock_timestamp() - $7::timestamptz)::float8 as seconds`);

/** `applied` null = nobody knows whether the last call was done. */
export const recordFailed = `
  update account
     set applied = case when distrust_revision > $8 then null else $3::jsonb end, lease_owner = null, attempts = attempts + $4, last_error = $5, last_error_class = $6,
         next_attempt_at = clock_timestamp() + make_interval(secs => case when desired_revision > $8 then 0 else $7::float8 end)
   where id = $1 and lease_owner = $2
  returning id`;

/**
 * Reads Cognito back before anything else is done with these accounts: somebody else took one over while we were
 * calling, an administrator asks for it, or a compare found a difference. What is under way now will not be believed.
 */
export const distrust = `
  update account
     set applied = null, desired_revision = desired_revision + 1, distrust_revision = desired_revision + 1, attempts = 0,
         next_attempt_at = clock_timestamp(), dirty_since = coalesce(dirty_since, clock_timestamp()),
         priority = case when desired_revision > applied_revision then least(priority, $2) else $2 end, traceparent = $3
   where id = any($1::uuid[])
  returning id`;

/** Lets go of accounts that this process no longer works on (a record that failed). */
export const releaseForgotten = `update account set lease_owner = null, applied = null where lease_owner = $1 and id <> all($2::uuid[])`;

export const dirtyByPriority = `
  select priority, count(*)::int as accounts, coalesce(extract(epoch from clock_timestamp() - min(dirty_since)), 0)::float8 as oldest
    from account where desired_revision > applied_revision group by priority`;
export const failedByClass = `
  select last_error_class as class, count(*)::int as accounts from account
   where desired_revision > applied_revision and last_error_class is not null group by 1`;

export const knownRoles = 'select role from known_role';
/** Position of a role in the tenant's list, 1 = strongest: the Precedence of its Cognito group. */
export const rolePrecedence = `
  select r.position::int as position from tenant_settings s, jsonb_array_elements_text(s.settings -> 'roles') with ordinality as r(role, position)
   where s.tenant_id = $1 and r.role = $2`;
