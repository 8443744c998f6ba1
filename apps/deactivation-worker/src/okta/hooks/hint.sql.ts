import type { OktaHookEvent } from '#okta';
import type { Queryable } from '#platform';

export interface Hint extends Pick<OktaHookEvent, 'id' | 'userId' | 'type' | 'published'> {
  /** Whether the event is about the person's assignment to our app, which the check then reads too. */
  readonly assignment: boolean;
}

/**
 * Returns what the events of a delivery hint at. An org has one stream of events for all its apps, so events about other
 * apps are left out and cause no request to Okta.
 */
export const hintsOf = (events: readonly OktaHookEvent[], appId: string): Hint[] =>
  events
    .filter(({ appIds }) => appIds.length === 0 || appIds.includes(appId))
    .map(({ id, userId, type, published, appIds }) => ({ id, userId, type, published, assignment: appIds.length > 0 }));

/** SQL condition: the check waits because the person was unknown. */
const WAITS_FOR_PERSON = 'c.claim is null and c.last_error is null and c.attempts > 0';

/**
 * Stores events of event hooks and the checks that they cause, in one statement, so that no event is stored without its
 * check. Both inserts follow the order of their keys, so that two deliveries about the same people cannot deadlock.
 *
 * A check that was postponed because the person was unknown becomes due now, because the person may be known by now. The
 * new event replaces its cause, because the person had no access that the earlier event could end. A check that was
 * postponed because Okta did not answer stays postponed.
 */
const store = `
  with hint as (
    select * from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[]) as h(event_id, user_id, type, published, assignment)
  ), fresh as (
    insert into okta_hint (tenant, event_id, user_id, type, published)
    select $1, h.event_id, h.user_id, h.type, h.published
      from hint h
     order by h.event_id, h.user_id
    on conflict do nothing
    returning event_id, user_id, published
  ), checks as (
    insert into okta_check as c (tenant, user_id, causation_id, assignment)
    select distinct on (f.user_id) $1::uuid, f.user_id, 'okta-event:' || f.event_id, bool_or(h.assignment) over (partition by f.user_id)
      from fresh f join hint h on h.event_id = f.event_id and h.user_id = f.user_id
     order by f.user_id, f.published
    on conflict (tenant, user_id) do update
      set newer_causation_id = coalesce(c.newer_causation_id, excluded.causation_id), newer_at = coalesce(c.newer_at, excluded.pushed_at),
          newer_assignment = c.newer_assignment or excluded.assignment,
          causation_id = case when ${WAITS_FOR_PERSON} then excluded.causation_id else c.causation_id end,
          pushed_at = case when ${WAITS_FOR_PERSON} then excluded.pushed_at else c.pushed_at end,
          due_at = case when c.claim is null and c.last_error is null then least(c.due_at, clock_timestamp()) else c.due_at end
  )
  select count(*)::int as fresh from fresh`;

/**
 * Resolves with the number of new events. An event about a person with a waiting check causes no second request to
 * Okta.
 */
export async function storeHints(database: Queryable, tenant: string, hints: readonly Hint[]): Promise<number> {
  if (hints.length === 0) return 0;
  const column = <K extends keyof Hint>(name: K): Hint[K][] => hints.map((hint) => hint[name]);
  const columns = [column('id'), column('userId'), column('type'), column('published'), column('assignment')];
  const [row] = await database.query<{ fresh: number }>(store, [tenant, ...columns]);
  return row?.fresh ?? 0;
}

/** Deletes old events in portions, so that no statement runs long. */
export const forgetOldHints = `
  delete from okta_hint where ctid = any(array(
    select ctid from okta_hint where received_at < clock_timestamp() - interval '2 days' limit 5000)) returning 1`;
