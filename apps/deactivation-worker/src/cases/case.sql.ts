import { columnsOf, prepared, type Tx } from '#platform';
import { PersonEntity } from '../access/person.entity.js';
import type { CaseRow } from './case-event.js';
import { CaseEntity } from './case.entity.js';
import type { Cause } from './cause.js';

/** `c` is the case, and `p` is the person after the statement. */
export const CASE_COLUMNS = `${columnsOf(CaseEntity, { alias: 'c' })}, ${columnsOf(PersonEntity, { alias: 'p', only: ['userName', 'displayName', 'caseVersion'] })}`;

/**
 * Opens a case, unless the person has an unfinished one. A push time in the future comes from a wrong clock and is
 * replaced by the current time.
 */
const openSql = prepared(`
  insert into offboarding_case (tenant, account_id, cause, causation_id, traceparent, pushed_at)
  values ($1, $2, $3, $4, $5, least($6, clock_timestamp()))
  on conflict (account_id) where state in ('new', 'held', 'running') do nothing`);

export async function openCase(
  tx: Tx,
  person: Pick<PersonEntity, 'id' | 'tenant'>,
  cause: Cause,
  traceparent: string | null,
): Promise<void> {
  await tx.query(openSql, [person.tenant, person.id, cause.type, cause.causationId, traceparent, cause.pushedAt]);
}

/** Discards pending cases of people who never lost access. The caller has locked the rows of these people. */
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

export const inactiveWithAccess = (tx: Tx, tenant: string): Promise<{ id: string }[]> =>
  tx.query(`select id from person where tenant = $1 and desired_access = 'enabled' and not active`, [tenant]);

export const withPendingCase = (tx: Tx, tenant: string): Promise<{ id: string }[]> =>
  tx.query(`select account_id as id from offboarding_case where tenant = $1 and state in ('new', 'held')`, [tenant]);
