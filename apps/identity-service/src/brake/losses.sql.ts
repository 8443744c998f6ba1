import { ACCESS_CLOSED } from '../accounts/subject.js';

/**
 * Counts the accounts that lost roles recently (index role_grant_revoked). Excludes roles that ended together with the
 * access, because they count against deactivation-worker's brake. Excludes roles that ended before Cognito had the
 * user, because nobody used them.
 */
export const lostWithin = `
  select count(distinct g.account_id)::int as lost,
         coalesce(array_agg(distinct g.account_id) filter (where g.account_id = any($2::uuid[])), '{}') as already
    from role_grant g join account a on a.id = g.account_id
   where g.tenant = $1 and g.revoked_at > clock_timestamp() - make_interval(mins => $3)
     and g.revoked_cause <> '${ACCESS_CLOSED}' and a.provisioned_at <= g.revoked_at`;

/** Counts the active accounts that Cognito has. If `$2` is not null, counts only those with the role `$2`. */
export const accountsInUse = `
  select count(*)::int as accounts from account
   where tenant = $1 and status = 'active' and provisioned_at is not null and ($2::text is null or $2 = any(roles))`;

export const anyHeld = 'select 1 from held_role_loss where tenant = $1 and released_at is null limit 1';

/**
 * The caller has locked the accounts. If the account would lose further roles after a release, these are held for the
 * full time.
 */
export const hold = `
  insert into held_role_loss as h (account_id, tenant, would_lose, held_because, held_until, cause, cause_group, causation_id)
  select id, $1, kept, because, clock_timestamp() + make_interval(mins => minutes), cause ->> 'type', (cause ->> 'groupId')::uuid, cause ->> 'causationId'
    from jsonb_to_recordset($2::jsonb) as n(id uuid, kept text[], because text, minutes int, cause jsonb)
  on conflict (account_id) do update
    set would_lose = excluded.would_lose, held_because = excluded.held_because, cause = excluded.cause,
        cause_group = excluded.cause_group, causation_id = excluded.causation_id,
        held_at = case when h.released_at is null then h.held_at else clock_timestamp() end,
        held_until = case when h.released_at is null then h.held_until else excluded.held_until end, released_at = null, released_by = null`;

export const endHolds = 'delete from held_role_loss where account_id = any($1::uuid[])';

export const release = `
  with released as (
    update held_role_loss set released_at = clock_timestamp(), released_by = $2
     where tenant = $1 and released_at is null and ($3::uuid[] is null or account_id = any($3))
    returning account_id, tenant, cause, cause_group, causation_id
  ), requested as (
    insert into reevaluation (tenant, user_ids, group_id, cause, causation_id)
    select tenant, array[account_id], cause_group, cause, causation_id from released
  )
  select account_id as id from released`;

export const heldByReason = `
  select held_because as reason, count(*)::int as accounts, extract(epoch from clock_timestamp() - min(held_at))::float8 as oldest
    from held_role_loss where released_at is null group by 1`;
