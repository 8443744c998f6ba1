/** Users in Postgres: one statement per question. Every one names the tenant (P4). */
import type { NewEvent, Outbox } from '#event-bus';
import { prepared, type Prepared, sqlState, violatedConstraint, type Queryable } from '#platform';
import { userSchema, type Filter, type Page, type UserResource } from '#scim';
import { filterSql, orderSql, Parameters, type Columns } from '../filter.sql.js';
import { emailOf, type UserState } from './user-events.js';

export interface UserRow extends UserState {
  readonly groups: readonly { readonly value: string; readonly display: string }[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdRequest: string;
}

interface Raw {
  id: string;
  resource: UserResource;
  version: string;
  created_at: Date;
  updated_at: Date;
  created_request: string;
  groups: { value: string; display: string }[];
}

const GROUPS = `(select coalesce(jsonb_agg(jsonb_build_object('value', g.id, 'display', g.display_name) order by g.id), '[]')
  from members m join groups g on g.tenant_id = m.tenant_id and g.id = m.group_id where m.tenant_id = u.tenant_id and m.user_id = u.id)`;
const select = (groups: string) =>
  `select u.id, u.resource, u.version, u.created_at, u.updated_at, u.created_request, ${groups} as groups from users u`;

// Row and membership come from one snapshot, so `version` vouches for both: whoever changes a membership bumps it.
const FIND = prepared(`${select(GROUPS)} where u.tenant_id = $1 and u.id = $2 and u.deleted_at is null`);

export async function findUser(queryable: Queryable, tenantId: string, id: string): Promise<UserRow | undefined> {
  const [raw] = await queryable.query<Raw>(FIND, [tenantId, id]);
  return raw && toRow(tenantId, raw);
}

/** Locks the user's row (FOR UPDATE) until the transaction ends: for writers that lost the optimistic race thrice. */
export async function lockUser(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.query('select 1 from users where tenant_id = $1 and id = $2 and deleted_at is null for update', [
    tenantId,
    id,
  ]);
}

/** Living users that hold the name or the external id. */
export async function findHolders(queryable: Queryable, tenantId: string, resource: UserResource): Promise<UserRow[]> {
  const raws = await queryable.query<Raw>(
    `${select(GROUPS)} where u.tenant_id = $1 and u.deleted_at is null and (u.user_name_key = $2 or u.external_id = $3)`,
    [tenantId, nameKey(resource.userName), resource.externalId ?? null],
  );
  return raws.map((raw) => toRow(tenantId, raw));
}

export const nameKey = (name: string): string => name.toLowerCase();

/** Statements that change a user and store its events, or do neither: one round trip, one commit. */
export class UserWrites {
  private readonly insertSql: Prepared;
  private readonly updateSql: Prepared;
  private readonly deleteSql: Prepared;

  constructor(private readonly outbox: Outbox) {
    // Takes the locks of the new row's unique index entries: waits for a concurrent insert of the same name, and then
    // does nothing. The outbox row exists only if the user's row does.
    this.insertSql = prepared(`
      with created as (
        insert into users (tenant_id, id, user_name, user_name_key, external_id, active, email, resource, version, created_at, updated_at, created_request)
        values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10) on conflict do nothing returning 1
      ), published as (${outbox.insertSql(11, 'created')})
      select count(*)::int as written from created`);
    // Locks the user's row; if somebody changed it since it was read, the version differs and nothing happens.
    this.updateSql = prepared(`
      with changed as (
        update users set user_name = $4, user_name_key = $5, external_id = $6, active = $7, email = $8, resource = $9, version = $10, updated_at = $11
        where tenant_id = $1 and id = $2 and version = $3 and deleted_at is null returning 1
      ), published as (${outbox.insertSql(12, 'changed')})
      select count(*)::int as written from changed`);
    // As above. Memberships that arrive after the snapshot bump the version first, so none can stay behind.
    this.deleteSql = prepared(`
      with gone as (
        update users set active = false, deleted_at = $4, updated_at = $4, version = $5
        where tenant_id = $1 and id = $2 and version = $3 and deleted_at is null returning 1
      ), departed as (
        delete from members where tenant_id = $1 and user_id = $2 and exists (select 1 from gone)
      ), published as (${outbox.insertSql(6, 'gone')})
      select count(*)::int as written from gone`);
  }

  /** False if a living user holds the name or the external id. */
  insert(queryable: Queryable, user: UserRow, events: readonly NewEvent[]): Promise<boolean> {
    const { tenantId, id, resource, createdAt, createdRequest } = user;
    return this.write(
      queryable,
      this.insertSql,
      [tenantId, id, ...columns(resource), createdAt, createdRequest],
      events,
    );
  }

  /** False if the row is not at version `expected` any more. Throws {@link NameTaken}. */
  async update(queryable: Queryable, user: UserRow, expected: number, events: readonly NewEvent[]): Promise<boolean> {
    const { tenantId, id, resource, version, updatedAt } = user;
    try {
      return await this.write(
        queryable,
        this.updateSql,
        [tenantId, id, expected, ...columns(resource), version, updatedAt],
        events,
      );
    } catch (error) {
      if (sqlState(error) === '23505')
        throw new NameTaken(violatedConstraint(error) === 'users_external_id' ? 'externalId' : 'userName');
      throw error;
    }
  }

  delete(
    queryable: Queryable,
    user: UserState,
    expected: number,
    at: Date,
    events: readonly NewEvent[],
  ): Promise<boolean> {
    return this.write(queryable, this.deleteSql, [user.tenantId, user.id, expected, at, user.version], events);
  }

  private async write(
    queryable: Queryable,
    sql: Prepared,
    values: unknown[],
    events: readonly NewEvent[],
  ): Promise<boolean> {
    const [result] = await queryable.query<{ written: number }>(sql, [...values, ...this.outbox.parameters(events)]);
    return result?.written === 1;
  }
}

/** An update would give two living users the same name. */
export class NameTaken extends Error {
  constructor(readonly attribute: 'userName' | 'externalId') {
    super(`${attribute} is taken`);
    this.name = 'NameTaken';
  }
}

const columns = (resource: UserResource): unknown[] => [
  resource.userName,
  nameKey(resource.userName),
  resource.externalId ?? null,
  resource.active === true,
  emailOf(resource),
  JSON.stringify(resource),
];

const filterColumns: Columns = {
  schema: userSchema,
  single: {
    id: { sql: 'u.id', kind: 'id' },
    userName: { sql: 'u.user_name_key', kind: 'folded' },
    externalId: { sql: 'u.external_id', kind: 'exact' },
    active: { sql: 'u.active', kind: 'flag' },
    displayName: { sql: `lower(u.resource ->> 'displayName')`, kind: 'folded' },
    'meta.created': { sql: 'u.created_at', kind: 'instant' },
    'meta.lastModified': { sql: 'u.updated_at', kind: 'instant' },
  },
  multiple: {
    emails: {
      from: `jsonb_array_elements(u.resource -> 'emails') e`,
      columns: {
        value: { sql: `lower(e ->> 'value')`, kind: 'folded' },
        type: { sql: `lower(e ->> 'type')`, kind: 'folded' },
        display: { sql: `lower(e ->> 'display')`, kind: 'folded' },
        primary: { sql: `(e ->> 'primary')::boolean`, kind: 'flag' },
      },
    },
  },
};

/** One page in the order of creation, which never changes, and the number of all matches. */
export async function listUsers(
  queryable: Queryable,
  tenantId: string,
  { filter, page, withGroups }: { filter: Filter | undefined; page: Page; withGroups: boolean },
): Promise<{ users: UserRow[]; total: number }> {
  const parameters = new Parameters();
  const where = `u.tenant_id = ${parameters.add(tenantId)} and u.deleted_at is null${filter ? ` and ${filterSql(filter, filterColumns, parameters)}` : ''}`;
  const count = { text: `select count(*)::int as total from users u where ${where}`, values: [...parameters.values] };
  const skip = page.startIndex - 1;
  const raws =
    page.count === 0
      ? []
      : await queryable.query<Raw>(
          `${select(withGroups ? GROUPS : `'[]'::jsonb`)} where ${where} ${orderSql(filter, ['id', 'userName', 'externalId'], 'u.created_at, u.id')} offset ${parameters.add(skip)} limit ${parameters.add(page.count)}`,
          parameters.values,
        );
  const users = raws.map((raw) => toRow(tenantId, raw));
  // The last page tells the total by itself.
  if (users.length > 0 && users.length < page.count) return { users, total: skip + users.length };
  const [counted] = await queryable.query<{ total: number }>(count);
  return { users, total: counted?.total ?? 0 };
}

const toRow = (tenantId: string, raw: Raw): UserRow => ({
  id: raw.id,
  tenantId,
  version: Number(raw.version),
  resource: raw.resource,
  groups: raw.groups,
  groupIds: raw.groups.map((group) => group.value),
  createdAt: raw.created_at,
  updatedAt: raw.updated_at,
  createdRequest: raw.created_request,
});
