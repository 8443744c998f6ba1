/** What the internal API tells about cases and people; always within one tenant. No locks: a case may be between two steps. */
import { Inject, Injectable } from '@nestjs/common';
import { PLATFORM, Problem, type Database, type PlatformContext } from '#platform';
import { brakeOf, DEFAULT_BRAKE, settingsOf } from '#settings';
import { distrust } from '../doors/door.sql.js';
import type { CasesQuery, PeopleQuery } from './dto.js';
import {
  caseViewColumns,
  personColumns,
  toCaseView,
  type CaseViewRow,
  type CaseView,
  type PersonView,
} from './views.js';

const PAGE = 100;
const HELD_PAGE = 1_000;
/** Of one account; who was closed and reopened more often than that is shown the latest ones. */
const TIMELINE = 200;
const PEOPLE = 100;

const fromCase = `from offboarding_case c join person p on p.id = c.account_id`;

/** Backward along the index case_by_tenant; the cursor's place is handed over as a constant so that it can. */
const page = `
  select ${caseViewColumns} ${fromCase}
   where c.tenant = $1 and ($2::text is null or c.state = $2)
     and ($3::timestamptz is null or (c.received_at, c.id) < ($3::timestamptz, $4::uuid))
   order by c.received_at desc, c.id desc limit $5`;

/** As text: a Date would lose the microseconds, and with them the cases of the same millisecond. */
const placeOf = `select received_at::text as "receivedAt" from offboarding_case where tenant = $1 and id = $2`;

const heldOf = `
  select ${caseViewColumns} ${fromCase} where c.tenant = $1 and c.state = 'held' order by c.held_at, c.id limit $2`;

const timelineOf = `
  select ${caseViewColumns} ${fromCase} where c.tenant = $1 and c.account_id = $2 order by c.received_at desc, c.id desc limit $3`;

const personById = `select ${personColumns} from person where tenant = $1 and id = $2`;

/** A name that was freed by a deletion may have been given to somebody new: he comes first. */
const peopleBy = `
  select ${personColumns} from person
   where tenant = $1 and ($2::text is null or lower(user_name) = lower($2)) and ($3::text is null or external_id = $3)
   order by deleted, id limit $4`;

@Injectable()
export class CaseQueries {
  private readonly database: Database;

  constructor(@Inject(PLATFORM) platform: PlatformContext) {
    this.database = platform.database;
  }

  async page(tenant: string, query: CasesQuery): Promise<{ cases: CaseView[]; next: string | null }> {
    const limit = query.limit ?? PAGE;
    const place = query.cursor === undefined ? null : await this.place(tenant, query.cursor);
    const rows = await this.database.query<CaseViewRow>(page, [
      tenant,
      query.state ?? null,
      place,
      query.cursor ?? null,
      limit + 1,
    ]);
    const cases = await this.views(tenant, rows.slice(0, limit));
    return { cases, next: rows.length > limit ? (cases.at(-1)?.id ?? null) : null };
  }

  /** Those held longest first; `total` counts also those beyond the limit. */
  async held(tenant: string, limit = HELD_PAGE): Promise<{ held: CaseView[]; total: number }> {
    const rows = await this.database.query<CaseViewRow>(heldOf, [tenant, limit]);
    const [count] = await this.database.query<{ total: number }>(
      `select count(*)::int as total from offboarding_case where tenant = $1 and state = 'held'`,
      [tenant],
    );
    return { held: await this.views(tenant, rows), total: Math.max(count?.total ?? 0, rows.length) };
  }

  /** Newest case first. */
  async timeline(tenant: string, account: string): Promise<{ person: PersonView; cases: CaseView[] }> {
    const person = await this.person(tenant, account);
    const rows = await this.database.query<CaseViewRow>(timelineOf, [tenant, account, TIMELINE]);
    return { person, cases: await this.views(tenant, rows) };
  }

  async people(tenant: string, query: PeopleQuery): Promise<{ accounts: PersonView[] }> {
    const values = [tenant, query.userName ?? null, query.externalId ?? null, PEOPLE];
    return { accounts: await this.database.query<PersonView>(peopleBy, values) };
  }

  async person(tenant: string, account: string): Promise<PersonView> {
    const [person] = await this.database.query<PersonView>(personById, [tenant, account]);
    if (!person) throw new Problem('not_found', `There is no account ${account} in this tenant.`);
    return person;
  }

  /** What is known of Cognito is forgotten, so it is read before anything is believed. */
  async retry(tenant: string, account: string): Promise<void> {
    await this.person(tenant, account);
    await this.database.query(distrust, [account]);
  }

  private async place(tenant: string, cursor: string): Promise<string> {
    const [row] = await this.database.query<{ receivedAt: string }>(placeOf, [tenant, cursor]);
    if (row) return row.receivedAt;
    throw new Problem('invalid_request', 'The cursor is no case of this tenant; begin again without one.');
  }

  private async views(tenant: string, rows: readonly CaseViewRow[]): Promise<CaseView[]> {
    const copy = rows.some((row) => row.state === 'held')
      ? await settingsOf(this.database, 'offboarding', tenant)
      : null;
    // What was held before the brake was taken off is released as if it had the default.
    const { holdHours } = (copy && brakeOf(copy.settings)) ?? DEFAULT_BRAKE;
    return rows.map((row) => toCaseView(row, holdHours));
  }
}
