/**
 * Locks of a tenant and of a person. Event handlers only try these locks: their transaction contains events of many
 * tenants, so waiting could deadlock or delay other tenants. A handler that does not get a lock requests a
 * re-evaluation instead.
 */
import { prepared, type Queryable, type Tx } from '#platform';

const sharedSql = prepared(
  `select pg_try_advisory_xact_lock_shared(hashtextextended('identity:' || $1::text, 0)) as free`,
);
const exclusiveSql = `select pg_advisory_xact_lock(hashtextextended('identity:' || $1::text, 0))`;
const peopleSql = prepared(
  'select id from directory_user where tenant = $1 and id = any($2::uuid[]) order by id for update skip locked',
);

/**
 * Tries to lock the tenant in shared mode until commit; false means that the tenant is being re-evaluated. Hold this
 * lock while changing single accounts. A concurrent re-evaluation would otherwise miss an account that this transaction
 * derives from the old mappings. Lock in a separate statement, because the reads must use a snapshot from after the
 * lock.
 */
export async function tryLockTenant(queryable: Queryable, tenant: string): Promise<boolean> {
  const [lock] = await queryable.query<{ free: boolean }>(sharedSql, [tenant]);
  return lock?.free ?? false;
}

/** Waits until no other transaction holds the tenant's lock. */
export async function lockTenantExclusively(tx: Tx, tenant: string): Promise<void> {
  await tx.query(exclusiveSql, [tenant]);
}

/**
 * Locks the rows of people and returns the ids of those that no other transaction has locked. Every evaluation needs
 * this lock, because it could otherwise use a state of the directory that a concurrent handler is replacing. The row of
 * an unknown person cannot be locked either: their first event may be arriving at this moment.
 */
export async function tryLockPeople(queryable: Queryable, tenant: string, ids: readonly string[]): Promise<string[]> {
  const rows = await queryable.query<{ id: string }>(peopleSql, [tenant, ids]);
  return rows.map(({ id }) => id);
}
