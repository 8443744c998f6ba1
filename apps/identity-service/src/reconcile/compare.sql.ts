/** The full compare: its runs, and the accounts as the pool should show them. */

/** One run at a time over all replicas; a run whose process died gives way. */
export const endDeadRuns = `
  update compare_run r set state = 'failed', finished_at = clock_timestamp(), error = 'the process that ran it has ended'
   where state = 'running' and not exists (select 1 from worker w where w.id = r.worker_id and w.seen_at > clock_timestamp() - make_interval(secs => $1))`;
export const beginRun = `insert into compare_run (id, worker_id, state, progress) values ($1, $2, 'running', $3) on conflict do nothing returning started_at::text as started_at`;
export const saveProgress = `update compare_run set progress = $2 where id = $1`;
export const endRun = `update compare_run set state = $2, progress = $3, error = $4, finished_at = clock_timestamp() where id = $1`;
export const latestRun = `select id, state, started_at, finished_at, progress, error from compare_run order by started_at desc limit 1`;

const columns =
  'id, tenant, status, user_name, external_id, email, display_name, given_name, family_name, roles, provisioned_at is not null as provisioned';

/**
 * Only accounts at rest since before the run began: of others the lists that Cognito gave earlier may be older than
 * what the reconciler did since, and the reconciler looks after them anyway.
 */
const atRest = `desired_revision = applied_revision and lease_owner is null and (synced_at is null or synced_at < $2::timestamptz)`;

export const accountsOfPage = `select ${columns}, ${atRest} as at_rest from account where id = any($1::uuid[])`;
/** Accounts that the pool must have, in the order of their ids, after $1. */
export const expectedAfter = `
  select id from account where id > $1 and status = 'active' and provisioned_at is not null and ${atRest} order by id limit 1000`;
