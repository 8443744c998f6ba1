/** Cases as handlers open and discard them, and the columns that events and views are made of. */
import { prepared, type Tx } from '#platform';
import type { Cause } from '../people/people.js';
import type { CaseRow } from './case-event.js';

/** `c` = the case, `p` = the person after the statement. */
export const CASE_COLUMNS = `
  c.id, c.tenant, c.account_id, p.user_name, p.display_name, c.state, c.cause, c.causation_id, c.traceparent, c.held_because, c.released_by,
  c.pushed_at, c.received_at, c.held_at, c.released_at, c.fenced_at, c.disabled_at, c.signed_out_at, c.sessions_ended_at,
  c.confirmed_at, c.first_refused_at, p.case_version`;

/** A push from the future would show doors that closed before it: its clock is wrong, ours counts then. One unfinished case of a person at most. */
const openSql = prepared(`
  insert into offboarding_case (tenant, account_id, cause, causation_id, traceparent, pushed_at)
  values ($1, $2, $3, $4, $5, least($6, clock_timestamp()))
  on conflict (account_id) where state in ('new', 'held', 'running') do nothing`);

export async function openCase(
  tx: Tx,
  person: { readonly id: string; readonly tenant: string },
  cause: Cause,
  traceparent: string | null,
): Promise<void> {
  await tx.query(openSql, [person.tenant, person.id, cause.type, cause.causationId, traceparent, cause.pushedAt]);
}

/** Access was never taken. The rows of the people are locked. */
const discardSql = `
  with c as (
    update offboarding_case set state = 'discarded', ended_at = clock_timestamp()
     where account_id = any($1::uuid[]) and state in ('new', 'held') returning *
  ), p as (
    update person p set case_version = p.case_version + 1 from c where p.id = c.account_id returning p.*
  )
  select ${CASE_COLUMNS} from c join p on p.id = c.account_id`;

export const discardCases = (tx: Tx, accounts: readonly string[]): Promise<CaseRow[]> =>
  tx.query<CaseRow>(discardSql, [accounts]);

/** People who are inactive in the directory and whose door is open all the same. */
export async function openedToInactive(tx: Tx, tenant: string): Promise<string[]> {
  const sql = `select id from person where tenant = $1 and door = 'open' and not active`;
  return (await tx.query<{ id: string }>(sql, [tenant])).map((row) => row.id);
}

/** People whose closing waits. */
export async function waitingOf(tx: Tx, tenant: string): Promise<string[]> {
  const sql = `select account_id as id from offboarding_case where tenant = $1 and state in ('new', 'held')`;
  return (await tx.query<{ id: string }>(sql, [tenant])).map((row) => row.id);
}
