/** What the brake counts, and the table of losses that wait. */
import type { Queryable, Tx } from '#platform';
import { CLOSED } from './transition.js';
import type { LossCount, Verdict } from './losses.js';

/**
 * Handlers hold their tenants' locks shared, so two of them could count the same people and each let one more go.
 * Whoever decides about losses of a tenant takes this lock until his commit; the re-evaluation, alone on the tenant's
 * lock, needs none. It is only ever tried, never waited for: a chunk carries events of many tenants, so waiting in two
 * chunks could end in a deadlock, and would let one tenant's brake stand in the way of another's events. Who does not
 * get it asks for the re-evaluation of the account, which has all losses of the tenant one after the other.
 */
export async function tryLockBrake(queryable: Queryable, tenant: string): Promise<boolean> {
  const sql = `select pg_try_advisory_xact_lock(hashtextextended('identity-brake:' || $1::text, 0)) as free`;
  const [lock] = await queryable.query<{ free: boolean }>(sql, [tenant]);
  return lock?.free ?? false;
}

/** By index role_grant_revoked; revocations by closings are the worker's to count, and nobody had used the others. */
const lostSql = `
  select count(distinct g.account_id)::int as lost,
         coalesce(array_agg(distinct g.account_id) filter (where g.account_id = any($2::uuid[])), '{}') as already
    from role_grant g join account a on a.id = g.account_id
   where g.tenant = $1 and g.revoked_at > clock_timestamp() - make_interval(mins => $3)
     and g.revoked_cause <> '${CLOSED}' and a.provisioned_at <= g.revoked_at`;
const IN_USE = `select count(*)::int as accounts from account where tenant = $1 and status = 'active' and provisioned_at is not null`;
const holdersSql = `${IN_USE} and $2 = any(roles)`;

/** A statement after the lock: its snapshot has what everybody who held the lock before has committed. */
export async function lostWithin(
  tx: Tx,
  tenant: string,
  accounts: readonly string[],
  minutes: number,
): Promise<Pick<LossCount, 'lost' | 'already'>> {
  const [row] = await tx.query<{ lost: number; already: string[] }>(lostSql, [tenant, accounts, minutes]);
  return { lost: row?.lost ?? 0, already: new Set(row?.already) };
}

export async function accountsInUse(tx: Tx, tenant: string): Promise<number> {
  return (await tx.query<{ accounts: number }>(IN_USE, [tenant]))[0]?.accounts ?? 0;
}

export async function holdersInUse(tx: Tx, tenant: string, role: string): Promise<number> {
  return (await tx.query<{ accounts: number }>(holdersSql, [tenant, role]))[0]?.accounts ?? 0;
}

export async function isHolding(tx: Tx, tenant: string): Promise<boolean> {
  const sql = 'select 1 from held_role_loss where tenant = $1 and released_at is null limit 1';
  return (await tx.query(sql, [tenant])).length > 0;
}

/** The account's row is locked. Somebody who was released and loses more starts to wait anew. */
const holdSql = `
  insert into held_role_loss as h (account_id, tenant, would_lose, held_because, cause, cause_group, causation_id)
  select id, $1, would_lose, because, cause, group_id, causation_id
    from jsonb_to_recordset($2::jsonb) as n(id uuid, would_lose text[], because text, cause text, group_id uuid, causation_id text)
  on conflict (account_id) do update
    set would_lose = excluded.would_lose, held_because = excluded.held_because, cause = excluded.cause,
        cause_group = excluded.cause_group, causation_id = excluded.causation_id,
        held_at = case when h.released_at is null then h.held_at else clock_timestamp() end, released_at = null, released_by = null`;

/** Writes what of the verdicts differs from what is held already. */
export async function recordHeld(tx: Tx, tenant: string, verdicts: readonly Verdict[]): Promise<void> {
  const over = verdicts.filter(({ subject, because }) => because === null && subject.held !== null);
  const holds = verdicts.filter(({ subject: { held }, because, kept }) => {
    return because !== null && (!held || held.released || held.wouldLose.join() !== kept.join());
  });
  if (over.length > 0)
    await tx.query('delete from held_role_loss where account_id = any($1::uuid[])', [over.map((v) => v.subject.id)]);
  if (holds.length === 0) return;
  const rows = holds.map(({ subject, kept, because, cause }) => ({
    id: subject.id,
    would_lose: kept,
    because,
    cause: cause.type,
    group_id: cause.groupId,
    causation_id: cause.causationId,
  }));
  await tx.query(holdSql, [tenant, JSON.stringify(rows)]);
}
