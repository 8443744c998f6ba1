import type { Queryable, Tx } from '#platform';

/**
 * Deletes all sessions of an account, or only those created before `before`, and writes an audit row for each. Call it
 * in the transaction that stores the cause. After the commit no replica finds the sessions, because each reads the
 * table on each use.
 */
export async function endSessions(
  tx: Tx,
  tenant: string,
  accountId: string,
  code: string,
  causationId: string,
  before?: Date,
): Promise<void> {
  await tx.query(
    `with ended as (
       delete from session where account_id = $1 and tenant = $2 and ($5::timestamptz is null or created_at < $5)
       returning id
     )
     insert into audit (tenant, event, code, account_id, session_id, detail)
     select $2, 'session_ended', $3, $1, ended.id, jsonb_build_object('causationId', $4::text) from ended`,
    [accountId, tenant, code, causationId, before ?? null],
  );
}

/** Removes sessions that have expired or were idle for too long. */
export async function sweepSessions(queryable: Queryable, idleMinutes: number): Promise<void> {
  await queryable.query(
    `with ended as (
       delete from session
       where expires_at < clock_timestamp() or last_used_at < clock_timestamp() - make_interval(mins => $1)
       returning id, tenant, account_id
     )
     insert into audit (tenant, event, code, account_id, session_id)
     select tenant, 'session_ended', 'expired', account_id, id from ended`,
    [idleMinutes],
  );
}
