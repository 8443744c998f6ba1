/**
 * The runner's queue: people whose door in Cognito is not (known to be) what is wanted. Level-triggered; `revision`
 * grows with every change of what is wanted, and work ends only if it did not grow meanwhile.
 */
import { prepared } from '#platform';
import { CASE_COLUMNS } from '../cases/case.sql.js';
import { FENCED } from '../people/sign-out.sql.js';

/** Longer than a call may take: what a dead process sent has landed by then. */
export const DOUBT_SECONDS = 6;

const STATE = `
  p.id, p.tenant, p.door, p.revision, p.cognito_enabled, p.sign_out_due, p.published_status = 'active' as lifted, p.attempts, p.traceparent`;

/** As the index `person_urgent` has it, or what sign-outs wait for their quota would be read at every look. */
const URGENT = `door = 'closed' and cognito_enabled is distinct from false`;

const isDue = (condition: string): string => `
  select id, lease_owner from person p
   where due_at <= clock_timestamp() and ${condition}
     and (lease_owner is null
       or (lease_owner <> $1 and not exists (select 1 from worker w where w.id = p.lease_owner and w.seen_at > clock_timestamp() - make_interval(secs => $3))))
   order by due_at limit $2
     for update skip locked`;

/**
 * `skip locked`: two claimers never wait for each other. Of whom a dead process worked on, and of whom a late call may
 * have changed, nothing is known. Commits synchronously: a lease that a database crash forgot would let us believe
 * what was known before the call under it.
 */
const claim = (condition: string): string => `
  with due as (${isDue(condition)})
  update person p
     set lease_owner = $1,
         cognito_enabled = case when due.lease_owner is not null or p.doubt_until <= clock_timestamp() then null else p.cognito_enabled end,
         doubt_until = case when due.lease_owner is not null then clock_timestamp() + interval '${DOUBT_SECONDS} seconds'
                            when p.doubt_until > clock_timestamp() then p.doubt_until end
    from due where p.id = due.id
  returning ${STATE}`;
export const claimUrgent = prepared(claim(URGENT));
export const claimOther = prepared(claim(`not (${URGENT})`));

/**
 * After a step: what is known now, and at which instant the case's door closed. Answers what is wanted now; no row =
 * the lease was lost. `$4`: signed out, counts only if nothing changed since the call began. Whoever had to be disabled
 * may have been enabled until then, also by a late call after the last sign-out: he is signed out again. Does not wait
 * for the disk: after a crash of the database the lease is still there, and who takes over reads back.
 */
export const recordStep = prepared(`
  with relaxed as materialized (
    select set_config('synchronous_commit', 'off', true)
  ), p as (
    update person p
       set cognito_enabled = $3, sign_out_due = $6 is not distinct from 'disable' or (p.sign_out_due and not ($4 and p.revision = $5)), attempts = 0, last_error = null, last_error_class = null
      from relaxed where p.id = $1 and p.lease_owner = $2
    returning p.*
  ), c as (
    update offboarding_case c
       set disabled_at = case when $6 = 'disable' then clock_timestamp() else c.disabled_at end,
           signed_out_at = case when $6 = 'sign-out' then clock_timestamp() else c.signed_out_at end,
           sessions_ended_at = coalesce(c.sessions_ended_at, case when not exists (select 1 from outbox o where o.key = p.tenant || ':' || p.id) then clock_timestamp() end)
      from p where c.account_id = p.id and c.state = 'running' and p.door = 'closed'
    returning c.pushed_at, c.account_id
  )
  select ${STATE}, greatest(extract(epoch from clock_timestamp() - c.pushed_at), 0)::float8 as seconds
    from p left join c on c.account_id = p.id`);

export const reread = `select ${STATE} from person p where id = $1 and lease_owner = $2`;

/**
 * Cognito was read back and shows the closed door; the last word about it, unless something changed or a late call may
 * still come. A case is not complete while its fence waits in our outbox: nobody would refuse its tokens yet. With the
 * fence the command to end sessions is out.
 */
export const completeClosing = prepared(`
  with p as (
    update person p
       set due_at = null, lease_owner = null, cognito_enabled = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
           case_version = p.case_version + (select count(*) from offboarding_case c where c.account_id = p.id and c.state = 'running')
     where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.door = 'closed' and p.doubt_until is null
       and not exists (select 1 from outbox o where o.topic = 'identity.access' and o.key = p.tenant || ':' || p.id)
    returning p.*
  ), c as (
    update offboarding_case c
       set state = 'completed', confirmed_at = clock_timestamp(), ended_at = clock_timestamp(), sessions_ended_at = coalesce(c.sessions_ended_at, clock_timestamp())
      from p where c.account_id = p.id and c.state = 'running'
    returning c.*
  )
  select p.id as person, ${CASE_COLUMNS}, greatest(extract(epoch from c.confirmed_at - c.pushed_at), 0)::float8 as seconds
    from p left join c on c.account_id = p.id`);

/**
 * Lifts the fence. `$5`: Cognito's clock when it had enabled the user, whole seconds; everything that it issued before
 * the closing was issued by that clock and is not younger. The next whole second, because a second that is not over
 * may hold tokens from before (closed and opened within it), and several hosts answer for Cognito. Without that clock
 * the database's.
 */
export const liftFence = prepared(`
  with p as (
    update person p
       set due_at = p.doubt_until, lease_owner = null, cognito_enabled = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
           access_version = p.access_version + 1, published_status = 'active', published_roles = p.roles,
           not_before = date_trunc('second', coalesce($5::timestamptz, clock_timestamp())) + interval '1 second',
           case_version = p.case_version + (select count(*) from offboarding_case c where c.account_id = p.id and c.state = 'running')
     where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.door = 'open' and p.published_status <> 'active'
    returning p.*
  ), c as (
    update offboarding_case c set state = 'superseded', ended_at = clock_timestamp()
      from p where c.account_id = p.id and c.state = 'running'
    returning c.*
  )
  select p.id as person, p.tenant as person_tenant, p.access_version, p.roles, p.not_before, p.causation_id as person_causation_id, p.traceparent as person_traceparent, ${CASE_COLUMNS}
    from p left join c on c.account_id = p.id`);

/**
 * Signed out behind an open door (Universal Logout). `$5`: Cognito's clock when it had done it; what it issued before is
 * not younger. The next whole second for the same reasons as in `liftFence`. Never earlier than the fence that stands: a
 * clock of ours that is behind must not bring tokens back that an earlier fence has killed.
 */
export const fenceSignedOut = `
  update person p
     set cognito_enabled = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
         access_version = p.access_version + 1,
         not_before = greatest(p.not_before, date_trunc('second', coalesce($5::timestamptz, clock_timestamp())) + interval '1 second')
   where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.door = 'open' and p.published_status = 'active'
  returning ${STATE}, ${FENCED}`;

/** The open door is what it should be. */
export const endOpening = `
  update person set due_at = null, lease_owner = null, attempts = 0, last_error = null, last_error_class = null
   where id = $1 and lease_owner = $2 and revision = $3 and door = 'open' and doubt_until is null returning id`;

/** Gives a person back, to be looked at again after `$3` seconds. */
export const handBack = prepared(`
  update person set lease_owner = null, due_at = clock_timestamp() + make_interval(secs => $3)
   where id = $1 and lease_owner = $2 returning id`);

/** When late calls have landed; else the fence is not published: soon at first, then ever later, two seconds at most. */
export const comeBackLater = prepared(`
  update person
     set lease_owner = null,
         due_at = coalesce(doubt_until, clock_timestamp() + least(greatest((clock_timestamp() - not_before) / 2, interval '20 milliseconds'), interval '2 seconds'))
   where id = $1 and lease_owner = $2 returning id`);

/** `$3`: whether the call may have been, or may still be carried out: then nothing is known. */
export const recordFailure = `
  update person
     set lease_owner = null, attempts = attempts + $4, last_error = $5, last_error_class = $6,
         cognito_enabled = case when $3 then null else cognito_enabled end,
         doubt_until = case when $3 then clock_timestamp() + interval '${DOUBT_SECONDS} seconds' else doubt_until end,
         due_at = clock_timestamp() + make_interval(secs => case when revision > $8 then 0::float8 else $7 end)
   where id = $1 and lease_owner = $2 returning id`;

const distrusted = `cognito_enabled = null, doubt_until = clock_timestamp() + interval '${DOUBT_SECONDS} seconds', due_at = clock_timestamp()`;
/** Somebody else may be working on him while our call was under way: nobody knows what Cognito holds. */
export const distrust = `update person set revision = revision + 1, ${distrusted} where id = $1`;
/** Lets go of people that this process no longer works on (a record that failed). */
export const releaseForgotten = `update person set lease_owner = null, ${distrusted} where lease_owner = $1 and id <> all($2::uuid[])`;
/** Cognito answers again: who failed while it did not is tried at once. */
export const retryNow = `update person set due_at = clock_timestamp() where due_at > clock_timestamp() and lease_owner is null and last_error_class in ('retry', 'config')`;
