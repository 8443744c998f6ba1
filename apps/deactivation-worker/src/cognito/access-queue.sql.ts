/**
 * SQL of the runner's queue: people whose access in Cognito may differ from their desired access. Every change that the
 * runner must act on increases `revision`. Work ends only if the revision did not increase meanwhile.
 */
import { columnsOf, prepared } from '#platform';
import { isLeaseVoid } from '#worker';
import { FENCED } from '../access/sign-out.sql.js';
import { PersonEntity } from '../access/person.entity.js';
import { CASE_COLUMNS } from '../cases/case.sql.js';

const STATE = [
  'id',
  'tenant',
  'desiredAccess',
  'revision',
  'actualAccess',
  'signOutDue',
  'leaseOwner',
  'attempts',
  'traceparent',
] as const;

export interface WorkRow extends Pick<PersonEntity, (typeof STATE)[number]> {
  readonly lifted: boolean;
}

/** Longer than a call may take. After this time all calls of a dead process have taken effect. */
export const LATE_CALL_SECONDS = 6;
const LATE_CALLS_UNTIL = `clock_timestamp() + interval '${LATE_CALL_SECONDS} seconds'`;

/** `p` is the person's row after the statement. */
const WORK = `${columnsOf(PersonEntity, { alias: 'p', only: STATE })}, p.published_status = 'active' as lifted`;

/**
 * The condition of the index `person_urgent`. Without this index, each query would read all sign-outs that wait for
 * their quota.
 */
const URGENT = `desired_access = 'disabled' and actual_access is distinct from 'disabled'`;

const isDue = (condition: string): string => `
  select id, lease_owner from person p
   where due_at <= clock_timestamp() and ${condition}
     and (lease_owner is null
       or (lease_owner <> $1 and ${isLeaseVoid('p.lease_owner', '$3')}))
   order by due_at limit $2
     for update skip locked`;

/**
 * Claims due people. `skip locked` prevents two claims from waiting for each other. The state becomes unknown if a dead
 * process worked on the person, or if a late call may have changed the user. The commit is synchronous: if a database
 * crash lost the lease, the state from before the call would wrongly count as known.
 */
const claim = (condition: string): string => `
  with due as (${isDue(condition)})
  update person p
     set lease_owner = $1,
         actual_access = case when due.lease_owner is not null or p.late_calls_until <= clock_timestamp() then null else p.actual_access end,
         late_calls_until = case when due.lease_owner is not null then ${LATE_CALLS_UNTIL}
                                 when p.late_calls_until > clock_timestamp() then p.late_calls_until end
    from due where p.id = due.id
  returning ${WORK}`;
export const claimUrgent = prepared(claim(URGENT));
export const claimOther = prepared(claim(`not (${URGENT})`));

/**
 * Records a step: the new state, and the time of the step in the case. Returns the current work, or no row if the lease
 * was lost. `$4` means signed out, which counts only if the revision did not increase since the call began. After a
 * `disable`, a sign-out is due again. The user may have been enabled until then, even by a late call after the last
 * sign-out.
 *
 * The commit does not wait for the disk. After a database crash the lease still exists, and the next owner reads
 * Cognito.
 */
export const recordStep = prepared(`
  with relaxed as materialized (
    select set_config('synchronous_commit', 'off', true)
  ), p as (
    update person p
       set actual_access = $3, sign_out_due = $6 is not distinct from 'disable' or (p.sign_out_due and not ($4 and p.revision = $5)), attempts = 0, last_error = null, last_error_class = null
      from relaxed where p.id = $1 and p.lease_owner = $2
    returning p.*
  ), c as (
    update offboarding_case c
       set disabled_at = case when $6 = 'disable' then clock_timestamp() else c.disabled_at end,
           signed_out_at = case when $6 = 'sign-out' then clock_timestamp() else c.signed_out_at end,
           sessions_ended_at = coalesce(c.sessions_ended_at, case when not exists (select 1 from outbox o where o.key = p.tenant || ':' || p.id) then clock_timestamp() end)
      from p where c.account_id = p.id and c.state = 'running' and p.desired_access = 'disabled'
    returning c.pushed_at, c.account_id
  )
  select ${WORK}, greatest(extract(epoch from clock_timestamp() - c.pushed_at), 0)::float8 as seconds
    from p left join c on c.account_id = p.id`);

export const reread = `select ${WORK} from person p where id = $1 and lease_owner = $2`;

/**
 * Completes the case after Cognito was read and showed the user disabled or absent. The case stays open if the revision
 * increased, or if a late call may still take effect. It also stays open while its fence waits in our outbox, because
 * no service refuses the tokens yet. The command to end sessions is published together with the fence.
 */
export const completeCase = prepared(`
  with p as (
    update person p
       set due_at = null, lease_owner = null, actual_access = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
           case_version = p.case_version + (select count(*) from offboarding_case c where c.account_id = p.id and c.state = 'running')
     where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.desired_access = 'disabled' and p.late_calls_until is null
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
 * Lifts the fence. `$5` is Cognito's clock, in whole seconds, when Cognito had enabled the user. The same clock issued
 * every token from before the offboarding, so none of them has a later time. The fence moves to the next whole second:
 * the current second may contain earlier tokens, and several hosts answer for Cognito. If `$5` is null, the database's
 * clock is used.
 */
export const liftFence = prepared(`
  with p as (
    update person p
       set due_at = p.late_calls_until, lease_owner = null, actual_access = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
           access_version = p.access_version + 1, published_status = 'active', published_roles = p.roles,
           not_before = date_trunc('second', coalesce($5::timestamptz, clock_timestamp())) + interval '1 second',
           case_version = p.case_version + (select count(*) from offboarding_case c where c.account_id = p.id and c.state = 'running')
     where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.desired_access = 'enabled' and p.published_status <> 'active'
    returning p.*
  ), c as (
    update offboarding_case c set state = 'superseded', ended_at = clock_timestamp()
      from p where c.account_id = p.id and c.state = 'running'
    returning c.*
  )
  select p.causation_id as "liftCausationId", p.traceparent as "liftTraceparent",
         ${columnsOf(PersonEntity, { alias: 'p', only: ['accessVersion', 'publishedRoles', 'notBefore'] })}, ${CASE_COLUMNS}
    from p left join c on c.account_id = p.id`);

/**
 * Moves the fence after the sign-out of a person who keeps their access (Universal Logout). `$5` is Cognito's clock
 * after the sign-out, so no earlier token has a later time. The fence moves to the next whole second, for the reasons
 * at `liftFence`. It never moves back: if our clock is behind, tokens that an earlier fence refuses must not count
 * again.
 */
export const fenceSignedOut = `
  update person p
     set actual_access = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
         access_version = p.access_version + 1,
         not_before = greatest(p.not_before, date_trunc('second', coalesce($5::timestamptz, clock_timestamp())) + interval '1 second')
   where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.desired_access = 'enabled' and p.published_status = 'active'
  returning ${WORK}, ${FENCED}`;

/** Ends the work, because Cognito shows the user enabled, as desired. */
export const endEnabling = `
  update person set due_at = null, lease_owner = null, attempts = 0, last_error = null, last_error_class = null
   where id = $1 and lease_owner = $2 and revision = $3 and desired_access = 'enabled' and late_calls_until is null returning id`;

/** Ends the lease. The person is due again after `$3` seconds. */
export const handBack = prepared(`
  update person set lease_owner = null, due_at = clock_timestamp() + make_interval(secs => $3)
   where id = $1 and lease_owner = $2 returning id`);

/**
 * Ends the lease of unfinished work. The person is due again when late calls have taken effect. Without late calls the
 * work waits until the fence is published, so it is due again soon at first, and later after up to 2 seconds.
 */
export const comeBackLater = prepared(`
  update person
     set lease_owner = null,
         due_at = coalesce(late_calls_until, clock_timestamp() + least(greatest((clock_timestamp() - not_before) / 2, interval '20 milliseconds'), interval '2 seconds'))
   where id = $1 and lease_owner = $2 returning id`);

/**
 * Records a failed call. `$3` means that the call may have taken effect or may still take effect, so the state is
 * unknown.
 */
export const recordFailure = `
  update person
     set lease_owner = null, attempts = attempts + $4, last_error = $5, last_error_class = $6,
         actual_access = case when $3 then null else actual_access end,
         late_calls_until = case when $3 then ${LATE_CALLS_UNTIL} else late_calls_until end,
         due_at = clock_timestamp() + make_interval(secs => case when revision > $8 then 0::float8 else $7 end)
   where id = $1 and lease_owner = $2 returning id`;

const unknownAndDue = `actual_access = null, late_calls_until = ${LATE_CALLS_UNTIL}, due_at = clock_timestamp()`;
/** Makes the state unknown and the person due. Another process may have worked on the person during our call. */
export const rereadAccess = `update person set revision = revision + 1, ${unknownAndDue} where id = $1`;
/** Ends leases on people that this process no longer works on, because recording a step failed. */
export const releaseForgotten = `update person set lease_owner = null, ${unknownAndDue} where lease_owner = $1 and id <> all($2::uuid[])`;
/** Makes people due whose step failed during an outage. It runs when Cognito answers again. */
export const retryNow = `update person set due_at = clock_timestamp() where due_at > clock_timestamp() and lease_owner is null and last_error_class in ('retry', 'config')`;
