/** Queries of the internal API. Each reads one tenant without locks, so it may show a case between two steps. */
import { Injectable } from '@nestjs/common';
import type { CasePage, CasesQuery, CaseView, HeldCases, PeopleList, PersonTimeline, PersonView } from '#contracts';
import { columnsOf, Database, Problem } from '#platform';
import { PersonEntity } from '../access/person.entity.js';
import { rereadAccess } from '../cognito/access-queue.sql.js';
import { caseData, type CaseRow } from './case-event.js';
import { CASE_COLUMNS } from './case.sql.js';

const PAGE = 100;
const HELD_PAGE = 1_000;
const TIMELINE = 200;
const PEOPLE = 100;

const WORK = ['externalId', 'attempts', 'lastError', 'lastErrorClass', 'dueAt'] as const;
type ViewedCase = CaseRow & Pick<PersonEntity, (typeof WORK)[number]>;

const cases = (rest: string): string => `
  select ${CASE_COLUMNS}, ${columnsOf(PersonEntity, { alias: 'p', only: WORK })}
    from offboarding_case c join person p on p.id = c.account_id where c.tenant = $1 ${rest}`;

/** Reads the index case_by_tenant backwards, which Postgres can do only if the cursor's time is a parameter. */
const pageSql = cases(`
     and ($2::text is null or c.state = $2)
     and ($3::timestamptz is null or (c.received_at, c.id) < ($3::timestamptz, $4::uuid))
   order by c.received_at desc, c.id desc limit $5`);

/**
 * Returns the time as text. A Date would lose the microseconds, and the next page would miss cases of the same
 * millisecond.
 */
const positionSql = `select received_at::text as "receivedAt" from offboarding_case where tenant = $1 and id = $2`;
const heldSql = cases(`and c.state = 'held' order by c.held_at, c.id limit $2`);
const timelineSql = cases('and c.account_id = $2 order by c.received_at desc, c.id desc limit $3');

const people = (rest: string): string => `
  select id as account, ${columnsOf(PersonEntity, {
    only: [
      'tenant',
      'userName',
      'displayName',
      'externalId',
      'active',
      'deleted',
      'oktaState',
      'oktaStateAt',
      'provisioned',
      'desiredAccess',
      'actualAccess',
      'publishedStatus',
      'publishedRoles',
      'notBefore',
      'signOutDue',
      'attempts',
      'lastError',
      'lastErrorClass',
    ],
  })}, due_at as "nextAttemptAt" from person where tenant = $1 ${rest}`;

const personSql = people('and id = $2');

/** After a deletion another person may get the user name, so deleted people come last. */
const lookUpSql = people(`
     and (id = $3::uuid or lower(user_name) = lower($2) or external_id = $2)
   order by coalesce(id = $3::uuid, false) desc, lower(user_name) = lower($2) desc, deleted, id limit $4`);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

@Injectable()
export class CaseQueries {
  constructor(private readonly database: Database) {}

  async page(tenant: string, { state, limit = PAGE, cursor }: CasesQuery): Promise<CasePage> {
    const position = cursor === undefined ? null : await this.position(tenant, cursor);
    const parameters = [tenant, state ?? null, position, cursor ?? null, limit + 1];
    const rows = await this.database.query<ViewedCase>(pageSql, parameters);
    const page = rows.slice(0, limit).map(viewOf);
    return { cases: page, next: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
  }

  async held(tenant: string, limit = HELD_PAGE): Promise<HeldCases> {
    const rows = await this.database.query<ViewedCase>(heldSql, [tenant, limit]);
    const [count] = await this.database.query<{ total: number }>(
      `select count(*)::int as total from offboarding_case where tenant = $1 and state = 'held'`,
      [tenant],
    );
    return { held: rows.map(viewOf), total: Math.max(count?.total ?? 0, rows.length) };
  }

  async timeline(tenant: string, account: string): Promise<PersonTimeline> {
    const person = await this.person(tenant, account);
    const rows = await this.database.query<ViewedCase>(timelineSql, [tenant, account, TIMELINE]);
    return { person, cases: rows.map(viewOf) };
  }

  async people(tenant: string, who: string): Promise<PeopleList> {
    const parameters = [tenant, who, UUID.test(who) ? who : null, PEOPLE];
    return { people: await this.database.query<PersonView>(lookUpSql, parameters) };
  }

  async person(tenant: string, account: string): Promise<PersonView> {
    const [person] = await this.database.query<PersonView>(personSql, [tenant, account]);
    if (person) return person;
    throw new Problem('not_found', `There is no account ${account} in this tenant.`, undefined, { account });
  }

  /** Sets the user's state to unknown, so that Cognito is read before any other call. */
  async retry(tenant: string, account: string): Promise<void> {
    await this.person(tenant, account);
    await this.database.query(rereadAccess, [account]);
  }

  private async position(tenant: string, cursor: string): Promise<string> {
    const [row] = await this.database.query<{ receivedAt: string }>(positionSql, [tenant, cursor]);
    if (row) return row.receivedAt;
    throw new Problem('invalid_request', 'The cursor is unknown in this tenant. Start again without a cursor.');
  }
}

/** Attempts and errors in the person's row are about the running case, so no other case shows them. */
function viewOf(row: ViewedCase): CaseView {
  const running = row.state === 'running';
  return {
    ...caseData(row),
    state: row.state,
    externalId: row.externalId,
    heldUntil: row.state === 'held' ? row.heldUntil : null,
    endedAt: row.endedAt,
    firstRefusedBy: row.firstRefusedBy,
    attempts: running ? row.attempts : 0,
    lastError: running ? row.lastError : null,
    lastErrorClass: running ? row.lastErrorClass : null,
    nextAttemptAt: running ? row.dueAt : null,
  };
}
