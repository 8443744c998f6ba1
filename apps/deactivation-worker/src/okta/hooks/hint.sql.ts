import type { OktaHookEvent } from '#okta';
import type { Queryable } from '#platform';

/**
 * Stores events of event hooks and the checks that they cause, in one statement, so that no event is stored without its
 * check. Both inserts follow the order of their keys, so that two deliveries about the same people cannot deadlock.
 *
 * A check that was postponed because the person was unknown becomes due now, because the person may be known by now. A
 * check that was postponed because Okta did not answer stays postponed.
 */
const store = `
  with fresh as (
    insert into okta_hint (tenant, event_id, user_id, type, published)
    select $1, h.event_id, h.user_id, h.type, h.published
      from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) as h(event_id, user_id, type, published)
     order by h.event_id, h.user_id
    on conflict do nothing
    returning event_id, user_id, published
  ), checks as (
    insert into okta_check as c (tenant, user_id, causation_id)
    select distinct on (user_id) $1::uuid, user_id, 'okta-event:' || event_id from fresh order by user_id, published
    on conflict (tenant, user_id) do update
      set newer_causation_id = coalesce(c.newer_causation_id, excluded.causation_id), newer_at = coalesce(c.newer_at, excluded.pushed_at),
          due_at = case when c.claim is null and c.last_error is null then least(c.due_at, clock_timestamp()) else c.due_at end
  )
  select count(*)::int as fresh from fresh`;

/**
 * Resolves with the number of new events. An event about a person with a waiting check causes no second request to
 * Okta.
 */
export async function storeHints(
  database: Queryable,
  tenant: string,
  events: readonly OktaHookEvent[],
): Promise<number> {
  if (events.length === 0) return 0;
  const column = <K extends keyof OktaHookEvent>(name: K): OktaHookEvent[K][] => events.map((e) => e[name]);
  const columns = [column('id'), column('userId'), column('type'), column('published')];
  const [row] = await database.query<{ fresh: number }>(store, [tenant, ...columns]);
  return row?.fresh ?? 0;
}

/** Deletes old events in portions, so that no statement runs long. */
export const forgetOldHints = `
  delete from okta_hint where ctid = any(array(
    select ctid from okta_hint where received_at < clock_timestamp() - interval '2 days' limit 5000)) returning 1`;
