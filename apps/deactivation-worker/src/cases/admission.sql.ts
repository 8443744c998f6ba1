/** What admission asks and writes. One tenant per transaction; its `tenant_brake` row serialises who counts. */
import { prepared } from '#platform';
import { CASE_COLUMNS } from './case.sql.js';

export const tenantsWithNewCases = prepared(`select distinct tenant from offboarding_case where state = 'new'`);

/** Locks the tenant's row until commit, so that two replicas cannot both use the last place below the threshold. */
export const lockTenant = prepared(`
  with locked as (
    insert into tenant_brake (tenant) values ($1) on conflict (tenant) do update set tenant = excluded.tenant returning tenant
  )
  select s.settings from locked left join tenant_settings s on s.tenant_id = locked.tenant`);

/**
 * Locks people and cases; who is being changed by a handler right now waits for the next round, so that this
 * transaction waits for nobody and cannot be part of a deadlock. A statement of its own: its snapshot is taken with
 * the tenant's lock held.
 */
export const takeNewCases = prepared(`
  select c.id, c.released_at is not null as released, p.provisioned, p.roles,
         (select count(*)::int from offboarding_case f
           where f.tenant = $1 and f.counts and f.fenced_at > clock_timestamp() - make_interval(mins => $3)) as lost
    from offboarding_case c join person p on p.id = c.account_id
   where c.tenant = $1 and c.state = 'new'
   order by c.received_at, c.id limit $2
     for update of p, c skip locked`);

/** Asked only when the answer can matter: it looks at every account of the tenant that has access. */
export const countOpen = `select count(*)::int as n from person where tenant = $1 and door = 'open' and provisioned`;
export const countAdmins = `select count(*)::int as n from person where tenant = $1 and door = 'open' and provisioned and roles[1] = $2`;

/**
 * Closes doors: from this commit on access is not wanted, and the fence will be published. It never moves back: an
 * opening or a sign-out of this very second has set it to the next one.
 */
export const admitCases = prepared(`
  with at as materialized (
    select clock_timestamp() as now
  ), c as (
    update offboarding_case c set state = 'running', fenced_at = at.now, counts = i.counts
      from at, unnest($1::uuid[], $2::boolean[]) as i(id, counts) where c.id = i.id
    returning c.*
  ), p as (
    update person p
       set door = 'closed', revision = p.revision + 1, due_at = at.now, attempts = 0, last_error = null, last_error_class = null,
           sign_out_due = true, access_version = p.access_version + 1, case_version = p.case_version + 1, not_before = greatest(p.not_before, at.now),
           published_status = case when p.deleted then 'removed' else 'inactive' end, published_roles = '{}',
           traceparent = c.traceparent, causation_id = c.causation_id, updated_at = at.now
      from c, at where p.id = c.account_id
    returning p.*
  )
  select ${CASE_COLUMNS}, p.access_version, p.published_status, p.not_before,
         greatest(extract(epoch from c.fenced_at - c.pushed_at), 0)::float8 as seconds
    from c join p on p.id = c.account_id order by c.received_at, c.id`);

export const holdCases = `
  with c as (
    update offboarding_case c set state = 'held', held_because = i.because, held_at = clock_timestamp()
      from unnest($1::uuid[], $2::text[]) as i(id, because) where c.id = i.id
    returning c.*
  ), p as (
    update person p set case_version = p.case_version + 1 from c where p.id = c.account_id returning p.*
  )
  select ${CASE_COLUMNS} from c join p on p.id = c.account_id order by c.received_at, c.id`;

/** Locks the people in the order of their ids. `$2` null = all. */
export const releaseCases = `
  with those as (
    select p.id from offboarding_case c join person p on p.id = c.account_id
     where c.tenant = $1 and c.state = 'held' and ($2::uuid[] is null or c.id = any($2))
     order by p.id for update of p
  ), c as (
    update offboarding_case c set state = 'new', released_at = clock_timestamp(), released_by = $3
      from those where c.account_id = those.id and c.state = 'held'
    returning c.*
  ), p as (
    update person p set case_version = p.case_version + 1 from c where p.id = c.account_id returning p.*
  )
  select ${CASE_COLUMNS} from c join p on p.id = c.account_id`;

/** Held longer than the tenant allows; without a brake in force its default counts. */
export const heldTooLong = `
  select c.tenant, array_agg(c.id) as cases from offboarding_case c left join tenant_settings s on s.tenant_id = c.tenant
   where c.state = 'held'
     and c.held_at < clock_timestamp() - make_interval(hours => coalesce((s.settings -> 'brake' ->> 'holdHours')::int, $1))
   group by c.tenant`;
