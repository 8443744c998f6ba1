/**
 * Locks of a tenant and of a person. Event handlers only try these locks and never wait, because their transaction
 * contains events of many tenants. Waiting could deadlock, and one tenant would delay the events of another. A handler
 * that does not get a lock requests a re-evaluation instead.
 */
import { prepared, type Queryable, type Tx } from '#platform';

const sharedSql = prepared(
  `select pg_try_advisory_xact_lock_shared(hashtextextended('identity:' || $1::text, 0)) as free`,
);
const exclusiveSql = `select pg_advisory_xact_lock(hashtextextended('identity:' || $1::text, 0))`;
const personSql = prepared('select 1 from directory_user where id = $1 and tenant = $2 for update skip locked');

/**
 * Tries to lock the tenant in shared mode. Hold this lock until commit while changing single accounts of the tenant; a
 * re-evaluation holds it exclusively. Otherwise this transaction could derive an account from the old mappings, and a
 * concurrent re-evaluation would not see that account. Locking is a statement of its own, because the next statement
 * must take its snapshot after the lock. Resolves with false while the tenant is being re-evaluated.
 */
export async function tryLockTenant(queryable: Queryable, tenant: string): Promise<boolean> {
  const [lock] = await queryable.query<{ free: boolean }>(sharedSql, [tenant]);
  return lock?.free ?? false;
}

/** Locks the tenant exclusively. Waits until no other transaction holds the tenant's lock. */
export async function lockTenantExclusively(tx: Tx, tenant: string): Promise<void> {
  await tx.query(exclusiveSql, [tenant]);
}

/**
 * Locks the row of the person. Resolves with false if another transaction has locked the row. Every evaluation of an
 * account holds this lock. Without it, an evaluation could use a state of the directory that a concurrent handler is
 * replacing.
 */
export async function tryLockPerson(queryable: Queryable, tenant: string, id: string): Promise<boolean> {
  return (await queryable.query(personSql, [id, tenant])).length > 0;
}
