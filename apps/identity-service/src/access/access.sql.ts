/** What deactivation-worker said about accounts; every write is gated by the sequence of its topic. */
import type { Access, OffboardingCase } from '#events';
import { prepared, type Queryable, type Tx } from '#platform';

/**
 * Touches no row that a handler of another topic writes, so it never waits for one. Removal is final. What closed an
 * account stays its causation when it is removed later: that takes nothing more away and has no case of its own.
 */
const storeAccessSql = prepared(`
  insert into access as w (account_id, tenant, version, status, causation_id) values ($1, $2, $3, $4, $5)
  on conflict (account_id) do update
    set version = excluded.version, status = excluded.status,
        causation_id = case when w.status = 'active' or excluded.status = 'active' then excluded.causation_id else w.causation_id end
    where w.version < excluded.version and w.tenant = excluded.tenant and w.status <> 'removed'
  returning old.status as before`);

/** `changed` = the status is news; `foreign` = the account belongs to another tenant. */
export async function storeAccess(
  tx: Tx,
  event: { readonly tenant: string; readonly sequence: number; readonly causationid: string },
  { account, status }: Access,
): Promise<'changed' | 'same' | 'foreign'> {
  const parameters = [account, event.tenant, event.sequence, status, event.causationid];
  const [stored] = await tx.query<{ before: string | null }>(storeAccessSql, parameters);
  if (stored) return stored.before === status ? 'same' : 'changed';
  const [owner] = await tx.query<{ tenant: string }>('select tenant from access where account_id = $1', [account]);
  return owner && owner.tenant !== event.tenant ? 'foreign' : 'same';
}

const storeClosingSql =
  prepared(`insert into closing as c (id, tenant, account_id, sequence, cause, causation_id, details) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (id) do update set sequence = excluded.sequence, details = excluded.details
       where c.sequence < excluded.sequence and c.tenant = excluded.tenant and c.account_id = excluded.account_id
     returning id`);

/** True = news about the case. */
export async function storeClosing(
  tx: Tx,
  event: { readonly tenant: string; readonly sequence: number },
  details: OffboardingCase,
): Promise<boolean> {
  const rows = await tx.query(storeClosingSql, [
    details.id,
    event.tenant,
    details.account,
    event.sequence,
    details.cause,
    details.causationId,
    JSON.stringify(details),
  ]);
  return rows.length > 0;
}

const lockPersonSql = prepared('select 1 from directory_user where id = $1 and tenant = $2 for update skip locked');

/**
 * Locks the person's row if nobody has it. Whoever evaluates an account holds that row, else he would derive from a
 * state of the directory that a concurrent handler is just replacing. But handlers of `directory.users` hold rows of
 * many people until their chunk commits, in another order than ours: waiting for them could end in a deadlock.
 */
export async function tryLockPerson(queryable: Queryable, tenant: string, id: string): Promise<boolean> {
  return (await queryable.query(lockPersonSql, [id, tenant])).length > 0;
}
