/** Stores what deactivation-worker publishes. A write changes nothing if the row has a higher sequence number. */
import type { Access, EventEnvelope, OffboardingCase } from '#events';
import { prepared, type Tx } from '#platform';

/**
 * This statement writes no row that handlers of other topics write, so it never waits for them. A removed account stays
 * removed. If an inactive account is removed, the row keeps the causation id of the deactivation.
 */
const storeAccessSql = prepared(`
  insert into access as w (account_id, tenant, version, status, causation_id) values ($1, $2, $3, $4, $5)
  on conflict (account_id) do update
    set version = excluded.version, status = excluded.status,
        causation_id = case when w.status = 'active' or excluded.status = 'active' then excluded.causation_id else w.causation_id end
    where w.version < excluded.version and w.tenant = excluded.tenant and w.status <> 'removed'
  returning old.status as before`);

/** `changed`: the event changed the stored status. `foreign`: the account belongs to another tenant. */
export async function storeAccess(
  tx: Tx,
  event: Pick<EventEnvelope, 'tenant' | 'sequence' | 'causationid'>,
  { account, status }: Access,
): Promise<'changed' | 'same' | 'foreign'> {
  const parameters = [account, event.tenant, event.sequence, status, event.causationid];
  const [stored] = await tx.query<{ before: string | null }>(storeAccessSql, parameters);
  if (stored) return stored.before === status ? 'same' : 'changed';
  const [owner] = await tx.query<{ tenant: string }>('select tenant from access where account_id = $1', [account]);
  return owner && owner.tenant !== event.tenant ? 'foreign' : 'same';
}

const storeCaseSql = prepared(`
  insert into offboarding_case as c (id, tenant, account_id, sequence, causation_id, details) values ($1, $2, $3, $4, $5, $6)
  on conflict (id) do update set sequence = excluded.sequence, details = excluded.details
    where c.sequence < excluded.sequence and c.tenant = excluded.tenant and c.account_id = excluded.account_id
  returning id`);

/** Resolves with true if the event is newer than the stored state of the case. */
export async function storeCase(
  tx: Tx,
  { tenant, sequence }: Pick<EventEnvelope, 'tenant' | 'sequence'>,
  details: OffboardingCase,
): Promise<boolean> {
  const { id, account, causationId } = details;
  const parameters = [id, tenant, account, sequence, causationId, JSON.stringify(details)];
  return (await tx.query(storeCaseSql, parameters)).length > 0;
}
