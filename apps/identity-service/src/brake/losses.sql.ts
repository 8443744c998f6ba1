/** SQL that counts losses for the brake, and SQL of the table of held losses. */
import type { Tx } from '#platform';
import { ACCESS_CLOSED } from '../accounts/subject.js';
import type { LossCount, LossDecision } from './losses.js';

/**
 * Counts recent losses with the index role_grant_revoked. Revocations by closings are excluded, because they count
 * against deactivation-worker's brake. Roles that were revoked before Cognito had the user are excluded, because nobody
 * used them.
 */
const lostSql = `
  select count(distinct g.account_id)::int as lost,
         coalesce(array_agg(distinct g.account_id) filter (where g.account_id = any($2::uuid[])), '{}') as already
    from role_grant g join account a on a.id = g.account_id
   where g.tenant = $1 and g.revoked_at > clock_timestamp() - make_interval(mins => $3)
     and g.revoked_cause <> '${ACCESS_CLOSED}' and a.provisioned_at <= g.revoked_at`;
const inUseSql = `select count(*)::int as accounts from account where tenant = $1 and status = 'active' and provisioned_at is not null`;
const holdersSql = `${inUseSql} and $2 = any(roles)`;

/**
 * Counts the accounts that lost roles. It is a statement after the lock, so that its snapshot contains everything that
 * earlier holders of the lock committed.
 */
export async function lostWithin(
  tx: Tx,
  tenant: string,
  accounts: readonly string[],
  minutes: number,
): Promise<Pick<LossCount, 'lost' | 'already'>> {
  const [row] = await tx.query<{ lost: number; already: string[] }>(lostSql, [tenant, accounts, minutes]);
  return { lost: row?.lost ?? 0, already: new Set(row?.already) };
}

/** Counts the accounts in use. With `role`, it counts only accounts that have this role. */
export async function accountsInUse(tx: Tx, tenant: string, role?: string): Promise<number> {
  const sql = role === undefined ? inUseSql : holdersSql;
  const [row] = await tx.query<{ accounts: number }>(sql, role === undefined ? [tenant] : [tenant, role]);
  return row?.accounts ?? 0;
}

export async function isHolding(tx: Tx, tenant: string): Promise<boolean> {
  const sql = 'select 1 from held_role_loss where tenant = $1 and released_at is null limit 1';
  return (await tx.query(sql, [tenant])).length > 0;
}

/**
 * Stores held losses; the accounts' rows are locked. If a released loss grows before it is applied, its hold time
 * starts again.
 */
const holdSql = `
  insert into held_role_loss as h (account_id, tenant, would_lose, held_because, cause, cause_group, causation_id)
  select id, $1, kept, because, cause ->> 'type', (cause ->> 'groupId')::uuid, cause ->> 'causationId'
    from jsonb_to_recordset($2::jsonb) as n(id uuid, kept text[], because text, cause jsonb)
  on conflict (account_id) do update
    set would_lose = excluded.would_lose, held_because = excluded.held_because, cause = excluded.cause,
        cause_group = excluded.cause_group, causation_id = excluded.causation_id,
        held_at = case when h.released_at is null then h.held_at else clock_timestamp() end, released_at = null, released_by = null`;

/** Stores new and changed held losses, and deletes held losses that ended. */
export async function recordHeld(tx: Tx, tenant: string, decisions: readonly LossDecision[]): Promise<void> {
  const over = decisions.filter(({ subject, because }) => because === null && subject.held !== null);
  if (over.length > 0)
    await tx.query('delete from held_role_loss where account_id = any($1::uuid[])', [over.map((d) => d.subject.id)]);
  const holds = decisions.filter(({ subject: { held }, because, kept }) => {
    return because !== null && (!held || held.released || held.wouldLose.join() !== kept.join());
  });
  if (holds.length === 0) return;
  const rows = holds.map(({ subject, kept, because, cause }) => ({ id: subject.id, kept, because, cause }));
  await tx.query(holdSql, [tenant, JSON.stringify(rows)]);
}
