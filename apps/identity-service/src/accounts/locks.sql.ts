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
const personSql = prepared('select 1 from directory_user where id = $1 and tenant = $2 for update skip locked');

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
 * Locks the row of the person; false means that another transaction holds the lock. Every evaluation needs this lock,
 * because it could otherwise use a state of the directory that a concurrent handler is replacing.
 */
export async function tryLockPerson(queryable: Queryable, tenant: string, id: string): Promise<boolean> {
  return (await queryable.query(personSql, [id, tenant])).length > 0;
}
