import { columnsOf, prepared, type Queryable } from '#platform';
import { claimInTurns, isLeaseVoid } from '#worker';
import { AccountEntity } from '../accounts/account.entity.js';
import { PUBLISHED_COLUMNS } from '../accounts/account-events.js';
import { PROFILE } from '../directory/profile.entity.js';

/** The select list of a `DesiredAccount` from `account a`. */
export const desiredAccountColumns = `${columnsOf(AccountEntity, { alias: 'a', only: ['id', 'tenant', 'status', 'roles', ...PROFILE] })}, a.provisioned_at is not null as provisioned, a.erased_at is not null as erased`;

/**
 * Leases due accounts: by priority, then tenants in turn. If the lease of another
 * owner has expired and is taken over, the state in Cognito is unknown.
 */
export const claimAccounts = prepared(`
  with due as (
    ${claimInTurns({
      table: 'account',
      waiting: 'r.desired_revision > r.applied_revision',
      due: `r.next_attempt_at <= clock_timestamp() and r.priority between $2 and $3
        and (r.lease_owner is null or ${isLeaseVoid('r.lease_owner', '$5')})`,
      before: 'r.priority',
      order: 'r.next_attempt_at',
      limit: '$4::int',
    })}
  )
  update account a set lease_owner = $1 from due where a.id = due.id
  returning ${desiredAccountColumns}, ${columnsOf(AccountEntity, { alias: 'a', only: ['priority', 'applied', 'attempts', 'traceparent'] })},
            a.desired_revision::float8 as revision, a.dirty_since::text as "dirtySince", due.lease_owner is not null as "takenOver"`);

/** Locks the row of a leased account. No row means that the lease was lost. */
export const lockLeased = prepared(
  `select ${columnsOf(AccountEntity, { only: [...PUBLISHED_COLUMNS, 'causationId'] })} from account where id = $1 and lease_owner = $2 for update`,
);

/**
 * Records a success. If the account changed during the calls, it stays in the queue and is due at once.
 * `account.provisioned` announces the current status of the account, except `removed`: a removal always has an event of
 * its own.
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

/**
 * A null `applied` ($3) means that the state in Cognito is unknown, because the last call may have changed the user.
 */
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
 * Marks the accounts' state in Cognito as unknown. The reconciler then reads Cognito before any other call, and ignores
 * the results of calls that are running now.
 */
export async function markUnknown(
  queryable: Queryable,
  ids: readonly string[],
  priority: number,
  traceparent: string | null = null,
): Promise<void> {
  await queryable.query(markUnknownSql, [ids, priority, traceparent]);
}

/**
 * Ends the leases of process `$1`, except on the accounts `$2`, which the process is working on. Leases on other
 * accounts exist only if the result of the work could not be recorded.
 */
export const releaseForgotten = `update account set lease_owner = null, applied = null where lease_owner = $1 and id <> all($2::uuid[])`;
