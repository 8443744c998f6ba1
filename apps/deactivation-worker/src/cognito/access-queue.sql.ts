/**
 * The queue of people whose access in Cognito may differ from their desired access. Every change that must be applied
 * to Cognito increases `revision`. Work on a person ends only if the revision did not increase during that work.
 */
import { columnsOf, prepared } from '#platform';
import { URGENT as URGENT_LANE } from '#event-bus';
import { claimInTurns, isLeaseVoid } from '#worker';
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
  /** Whether the person is one of many whom the brake holds. */
  readonly heldInBulk: boolean;
}

/** Longer than any call to Cognito takes. After this time, no call of a dead process can change a user any more. */
export const LATE_CALL_SECONDS = 6;
const LATE_CALLS_UNTIL = `clock_timestamp() + interval '${LATE_CALL_SECONDS} seconds'`;

/** The columns that describe the work on one person. `p` is the person's row after the statement. */
const WORK = `${columnsOf(PersonEntity, { alias: 'p', only: STATE })}, p.published_status = 'active' as lifted,
  exists (select 1 from offboarding_case h where h.account_id = p.id and h.state = 'held' and h.held_because = 'threshold') as "heldInBulk"`;

/**
 * SQL condition, equal to the condition of the index `person_urgent`. Without this index, each query would read all
 * sign-outs that wait for their quota.
 */
const URGENT = `r.desired_access = 'disabled' and r.actual_access is distinct from 'disabled'`;

/** SQL condition: an urgent event about the person's access waits in the outbox. */
const fenceWaits = `exists (
  select 1 from outbox o
   where o.lane = ${URGENT_LANE} and o.tenant = p.tenant and o.topic = 'identity.access' and o.key = p.tenant || ':' || p.id)`;

const isDue = (condition: string): string =>
  claimInTurns({
    table: 'person',
    waiting: `r.due_at is not null and ${condition}`,
    due: `r.due_at <= clock_timestamp()
      and (r.lease_owner is null or (r.lease_owner <> $1 and ${isLeaseVoid('r.lease_owner', '$3')}))`,
    order: 'r.due_at',
    limit: '$2::int',
  });

/**
 * Claims due people, tenants in turn. The stored state becomes unknown if
 * a dead process worked on the person, or if a late call may have changed the user.
 *
 * The commit waits for the disk. If a database crash lost the lease, the next process would trust the stored state and
 * ignore the calls of this process.
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
 * Records a step: the new state of the user, and the time of the step in the case. Returns the person's current row, or
 * no row if the lease was lost.
 *
 * `$4` means that the user is signed out. The sign-out stays due if the revision increased since the call began. After
 * a `disable`, a sign-out is always due, because the user may have been enabled, and may have signed in, until then.
 *
 * The commit does not wait for the disk. If a database crash loses this commit, the lease still exists, and the next
 * owner reads Cognito.
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
           sessions_ended_at = coalesce(c.sessions_ended_at, case when not ${fenceWaits} then clock_timestamp() end)
      from p where c.account_id = p.id and c.state = 'running' and p.desired_access = 'disabled'
    returning c.pushed_at, c.account_id
  )
  select ${WORK}, greatest(extract(epoch from clock_timestamp() - c.pushed_at), 0)::float8 as seconds
    from p left join c on c.account_id = p.id`);

export const reread = `select ${WORK} from person p where id = $1 and lease_owner = $2`;

/**
 * Completes the case after Cognito was read and showed the user disabled or absent. The case stays open if the revision
 * increased, if a late call may still change the user, or while the event with the fence is in our outbox. Services
 * refuse the tokens, and sessions end, only after that event.
 */
export const completeCase = prepared(`
  with p as (
    update person p
       set due_at = null, lease_owner = null, actual_access = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
           case_version = p.case_version + (select count(*) from offboarding_case c where c.account_id = p.id and c.state = 'running')
     where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.desired_access = 'disabled' and p.late_calls_until is null
       and not ${fenceWaits}
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
 * Publishes the access as active. The new fence is the next whole second after `$5`, the time by Cognito's clock at
 * which Cognito had enabled the user. If `$5` is null, the database's clock is used.
 *
 * Tokens from before the offboarding have earlier times, also by Cognito's clock, so the new fence still refuses them.
 * The fence is a whole second later, because `iat` has whole seconds, and because the clocks of Cognito's hosts may
 * differ.
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
 * Moves the fence after the sign-out of a person who keeps their access (Universal Logout, or a held case). `$5` is the
 * time, by Cognito's clock, after the sign-out; null if Cognito has no such user. The fence moves to the next whole
 * second, as in `liftFence`. It never moves back, because a token that was refused must not be accepted again.
 */
export const fenceSignedOut = `
  with p as (
    update person p
       set actual_access = $4, sign_out_due = false, attempts = 0, last_error = null, last_error_class = null,
           access_version = p.access_version + 1,
           not_before = greatest(p.not_before, date_trunc('second', coalesce($5::timestamptz, clock_timestamp())) + interval '1 second')
     where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.desired_access = 'enabled' and p.published_status = 'active'
    returning p.*
  ), c as (
    update offboarding_case c set held_signed_out_at = coalesce(c.held_signed_out_at, case when $5 is not null then clock_timestamp() end)
      from p where c.account_id = p.id and c.state = 'held'
  )
  select ${WORK}, ${FENCED} from p`;

/**
 * Ends the lease and the work on the person, because Cognito shows the user enabled, as desired. If the person's case is
 * held, the work ends only after the event with the fence has left our outbox, because only then their sessions end.
 */
export const endEnabling = `
  with p as (
    update person p set due_at = null, lease_owner = null, attempts = 0, last_error = null, last_error_class = null
     where p.id = $1 and p.lease_owner = $2 and p.revision = $3 and p.desired_access = 'enabled' and p.late_calls_until is null
       and not exists (select 1 from offboarding_case c join outbox o on o.topic = 'identity.access' and o.key = p.tenant || ':' || p.id
                        where c.account_id = p.id and c.state = 'held')
    returning p.id
  ), c as (
    update offboarding_case c set held_sessions_ended_at = coalesce(c.held_sessions_ended_at, clock_timestamp())
      from p where c.account_id = p.id and c.state = 'held'
  )
  select id from p`;

/** Ends the lease. The person is due again after `$3` seconds. */
export const handBack = prepared(`
  update person set lease_owner = null, due_at = clock_timestamp() + make_interval(secs => $3)
   where id = $1 and lease_owner = $2 returning id`);

/**
 * Ends the lease on a person whose work is not finished. If late calls may still change the user, the person is due
 * again after these calls. Otherwise only the publication of the fence is missing. The person is then due again after
 * half of the fence's age: at least 20 ms, at most 2 seconds.
 */
export const comeBackLater = prepared(`
  update person
     set lease_owner = null,
         due_at = coalesce(late_calls_until, clock_timestamp() + least(greatest((clock_timestamp() - not_before) / 2, interval '20 milliseconds'), interval '2 seconds'))
   where id = $1 and lease_owner = $2 returning id`);

/**
 * Records a failed call. If `$3` is true, the call may have changed the user or may still do so, and the stored state
 * becomes unknown.
 */
export const recordFailure = `
  update person
     set lease_owner = null, attempts = attempts + $4, last_error = $5, last_error_class = $6,
         actual_access = case when $3 then null else actual_access end,
         late_calls_until = case when $3 then ${LATE_CALLS_UNTIL} else late_calls_until end,
         due_at = clock_timestamp() + make_interval(secs => case when revision > $8 then 0::float8 else $7 end)
   where id = $1 and lease_owner = $2 returning id`;

const unknownAndDue = `actual_access = null, late_calls_until = ${LATE_CALLS_UNTIL}, due_at = clock_timestamp()`;
/**
 * Makes the person due and the stored state unknown, so that Cognito is read first. Use it if another process may have
 * worked on the person during our call, or if an administrator retries.
 */
export const rereadAccess = `update person set revision = revision + 1, ${unknownAndDue} where id = $1`;
/**
 * Ends the leases that process `$1` no longer needs. `$2` contains the people on whom the process still works. A lease
 * is left over if the process could not record a step.
 */
export const releaseForgotten = `update person set lease_owner = null, ${unknownAndDue} where lease_owner = $1 and id <> all($2::uuid[])`;
/**
 * Makes people due whose last step failed because Cognito did not answer or the configuration was wrong. Run it when
 * Cognito answers again.
 */
export const retryNow = `update person set due_at = clock_timestamp() where due_at > clock_timestamp() and lease_owner is null and last_error_class in ('retry', 'config')`;
