/**
 * Locks of a tenant and of a person. Event handlers only try them and never wait: their transaction carries events of
 * many tenants, so waiting could deadlock, and one tenant would delay the events of another. A handler that does not
 * get a lock requests a re-evaluation instead.
 */
import { prepared, type Queryable, type Tx } from '#platform';

const sharedSql = prepared(
  `select pg_try_advisory_xact_lock_shared(hashtextextended('identity:' || $1::text, 0)) as free`,
);
const exclusiveSql = `select pg_advisory_xact_lock(hashtextextended('identity:' || $1::text, 0))`;
const personSql = prepared('select 1 from directory_user where id = $1 and tenant = $2 for update skip locked');

/**
 * Hold this lock until commit while changing accounts of a tenant one by one; a re-evaluation of many holds it
 * exclusively. Otherwise an account could be derived from older mappings while the re-evaluation does not see it yet.
 * It is a statement of its own, because the snapshot of the next statement must be taken under the lock.
 * False = the tenant is being re-evaluated.
 */
export async function tryLockTenant(queryable: Queryable, tenant: string): Promise<boolean> {
  const [lock] = await queryable.query<{ free: boolean }>(sharedSql, [tenant]);
  return lock?.free ?? false;
}

/** Waits until no other transaction holds the tenant's lock, shared or exclusively. */
export async function lockTenantExclusively(tx: Tx, tenant: string): Promise<void> {
  await tx.query(exclusiveSql, [tenant]);
}

/**
 * Locks the row of the person unless another transaction has it. Every evaluation of an account holds this row;
 * otherwise it would derive from a state of the directory that a concurrent handler is about to replace.
 */
export async function tryLockPerson(queryable: Queryable, tenant: string, id: string): Promise<boolean> {
  return (await queryable.query(personSql, [id, tenant])).length > 0;
}
