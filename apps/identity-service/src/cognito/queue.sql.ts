/** The reconciler's work queue: dirty accounts, leases, results. */
import { columnsOf, prepared, type Queryable } from '#platform';
import { isLeaseVoid } from '#worker';
import { AccountEntity } from '../accounts/account.entity.js';
import { PUBLISHED_COLUMNS } from '../accounts/account-events.js';
import { PROFILE } from '../directory/profile.entity.js';

/** Select list of a `DesiredAccount` from `account a`. */
export const desiredAccountColumns = `${columnsOf(AccountEntity, { alias: 'a', only: ['id', 'tenant', 'status', 'roles', ...PROFILE] })}, a.provisioned_at is not null as provisioned`;

/**
 * `skip locked`: this never waits for other replicas and event handlers. A lease is valid while its owner's row in
 * `worker` is fresh. If an account is taken over from another owner, Cognito's state is unknown.
 */
export const claimAccounts = prepared(`
  with due as (
    select a.id, a.lease_owner from account a
     where a.desired_revision > a.applied_revision and a.next_attempt_at <= clock_timestamp() and a.priority between $2 and $3
       and (a.lease_owner is null or ${isLeaseVoid('a.lease_owner', '$5')})
     order by a.priority, a.next_attempt_at limit $4
       for update of a skip locked
  )
  update account a set lease_owner = $1 from due where a.id = due.id
  returning ${desiredAccountColumns}, ${columnsOf(AccountEntity, { alias: 'a', only: ['priority', 'applied', 'attempts', 'traceparent'] })},
            a.desired_revision::float8 as revision, a.dirty_since::text as "dirtySince", due.lease_owner is not null as "takenOver"`);

/** Locks the row; no row = the lease was lost. */
export const lockLeased = prepared(
  `select ${columnsOf(AccountEntity, { only: [...PUBLISHED_COLUMNS, 'causationId'] })} from account where id = $1 and lease_owner = $2 for update`,
);

/**
 * If the account changed during the calls (desired_revision grew), it stays dirty and is due at once. Provisioning
 * announces the present status, except a removal, which always has an event of its own.
 */
export const recordSynced = prepared(`
  update account
     set applied = case when unknown_revision > $4 then null else $3::jsonb end, applied_revision = $4, lease_owner = null, attempts = 0, last_error = null, last_error_class = null,
         synced_at = clock_timestamp(), next_attempt_at = clock_timestamp(),
         provisioned_at = case when $5 then coalesce(provisioned_at, clock_timestamp()) else provisioned_at end,
         announced_status = coalesce(announced_status, case when $5 then case status when 'removed' then 'inactive' else status end end),
         version = version + $6,
         dirty_since = case when desired_revision > $4 then clock_timestamp() end
   where id = $1 and lease_owner = $2
  returning extract(epoch from clock_timestamp() - $7::timestamptz)::float8 as seconds`);

/** `applied` null = it is unknown whether the last call was carried out. */
export const recordFailed = `
  update account
     set applied = case when unknown_revision > $8 then null else $3::jsonb end, lease_owner = null, attempts = attempts + $4, last_error = $5, last_error_class = $6,
         next_attempt_at = clock_timestamp() + make_interval(secs => case when desired_revision > $8 then 0 else $7::float8 end)
   where id = $1 and lease_owner = $2
  returning id`;

const markUnknownSql = `
  update account
     set applied = null, desired_revision = desired_revision + 1, unknown_revision = desired_revision + 1, attempts = 0,
         next_attempt_at = clock_timestamp(), dirty_since = coalesce(dirty_since, clock_timestamp()),
         priority = case when desired_revision > applied_revision then least(priority, $2) else $2 end, traceparent = $3
   where id = any($1::uuid[])`;

/**
 * Treats Cognito's state of the accounts as unknown: the reconciler reads it back before any other call, and ignores
 * results of calls that are running now. This is needed after another process took an account over during our calls,
 * for a retry by an administrator, and for differences that a comparison found.
 */
export async function markUnknown(
  queryable: Queryable,
  ids: readonly string[],
  priority: number,
  traceparent: string | null = null,
): Promise<void> {
  await queryable.query(markUnknownSql, [ids, priority, traceparent]);
}

/** Releases accounts that this process no longer works on, because recording the result failed. */
export const releaseForgotten = `update account set lease_owner = null, applied = null where lease_owner = $1 and id <> all($2::uuid[])`;
