import { columnsOf, prepared } from '#platform';
import { PersonEntity } from '../access/person.entity.js';
import { signOutDue } from '../access/sign-out.sql.js';
import { CASE_COLUMNS } from './case.sql.js';

/** The columns of the access event. `p` is the person after the statement. */
const ACCESS_COLUMNS = columnsOf(PersonEntity, {
  alias: 'p',
  only: ['accessVersion', 'publishedStatus', 'publishedRoles', 'notBefore'],
});

/** States that Okta's Management API confirmed and that forbid a sign-in there. */
const CONFIRMED = `'suspended', 'deprovisioned'`;

export const tenantsWithNewCases = prepared(`select distinct tenant from offboarding_case where state = 'new'`);

/**
 * Locks people and their new cases. Leaves out rows that a consumer is changing; these cases are admitted later. This
 * statement therefore never waits and cannot be part of a deadlock.
 */
export const takeNewCases = prepared(`
  select c.id, c.released_at is not null as released, coalesce(p.okta_state in (${CONFIRMED}), false) as confirmed, p.provisioned, p.roles,
         (select count(*)::int from offboarding_case f
           where f.tenant = $1 and f.counts and f.fenced_at > clock_timestamp() - make_interval(mins => $3)) as lost
    from offboarding_case c join person p on p.id = c.account_id
   where c.tenant = $1 and c.state = 'new'
   order by c.received_at, c.id limit $2
     for update of p, c skip locked`);

/** Both counts read every account of the tenant with access. Run them only if the result can change a decision. */
export const countActive = `select count(*)::int as n from person where tenant = $1 and desired_access = 'enabled' and provisioned`;
export const countAdmins = `${countActive} and roles[1] = $2`;

/**
 * Admits cases: disables the desired access and sets the fence that the transaction publishes. The fence never moves
 * back.
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
       set desired_access = 'disabled', revision = p.revision + 1, due_at = at.now, attempts = 0, last_error = null, last_error_class = null,
           sign_out_due = true, access_version = p.access_version + 1, case_version = p.case_version + 1, not_before = greatest(p.not_before, at.now),
           published_status = case when p.deleted then 'removed' else 'inactive' end, published_roles = '{}',
           traceparent = c.traceparent, causation_id = c.causation_id, updated_at = at.now
      from c, at where p.id = c.account_id
    returning p.*
  )
  select ${CASE_COLUMNS}, ${ACCESS_COLUMNS},
         greatest(extract(epoch from c.fenced_at - c.pushed_at), 0)::float8 as seconds
    from c join p on p.id = c.account_id order by c.received_at, c.id`);

/** Sign-outs per second of people whom one tenant's brake holds. Cognito's quota then has room for everybody else. */
const HELD_SIGN_OUTS_PER_SECOND = 20;

/**
 * Holds cases, and ends what exists: sets the fence that the transaction publishes, and makes sign-outs due. Only the
 * end of access waits. The last administrator is signed out at once; a mass of held people one after the other.
 */
export const holdCases = prepared(`
  with at as materialized (
    select clock_timestamp() as now,
           (select count(*) from offboarding_case w where w.tenant = $4 and w.state = 'held' and w.held_signed_out_at is null) as waiting
  ), c as (
    update offboarding_case c
       set state = 'held', held_because = i.because, held_at = at.now, held_until = at.now + make_interval(mins => i.minutes)
      from at, unnest($1::uuid[], $2::text[], $3::int[]) as i(id, because, minutes) where c.id = i.id
    returning c.*
  ), turn as (
    select c.id, c.account_id, c.causation_id, c.traceparent,
           case when c.held_because = 'last_admin' then 0 else at.waiting + row_number() over (order by c.received_at, c.id) - 1 end as n
      from c, at
  ), p as (
    update person p
       set ${signOutDue(`clock_timestamp() + make_interval(secs => turn.n::float8 / ${HELD_SIGN_OUTS_PER_SECOND})`)},
           case_version = p.case_version + 1, causation_id = turn.causation_id, traceparent = turn.traceparent
      from turn where p.id = turn.account_id
    returning p.*
  )
  select ${CASE_COLUMNS}, ${ACCESS_COLUMNS} from c join p on p.id = c.account_id order by c.received_at, c.id`);

/**
 * Releases held cases; if `$2` is null, all of them. Locks the people in the order of their ids, so that two releases
 * cannot deadlock.
 */
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

/**
 * Releases the held case of a person whom Okta confirms as deactivated or suspended. The caller has locked the person's
 * row.
 */
export const releaseConfirmed = `
  with c as (
    update offboarding_case c set state = 'new', released_at = clock_timestamp(), released_by = $2
      from person p where c.account_id = $1 and c.state = 'held' and p.id = c.account_id and p.okta_state in (${CONFIRMED})
    returning c.*
  ), p as (
    update person p set case_version = p.case_version + 1 from c where p.id = c.account_id returning p.*
  )
  select ${CASE_COLUMNS} from c join p on p.id = c.account_id`;
