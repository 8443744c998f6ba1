/** Reads and writes users in Postgres. Every statement names the tenant (P4). */
import type { NewEvent, Outbox } from '#event-bus';
import { columnsOf, prepared, sqlState, violatedConstraint, type Prepared, type Queryable } from '#platform';
import { userSchema, type Filter, type Page, type UserResource } from '#scim';
import { filterSql, orderSql, Parameters, type Columns } from '../../query/filter.sql.js';
import { selectPage } from '../../query/page.sql.js';
import { emailOf, type UserState } from './user-events.js';
import { USER_COLUMNS, UserEntity, type User } from './user.entity.js';

const GROUPS = `(select coalesce(jsonb_agg(jsonb_build_object('value', g.id, 'display', g.display_name) order by g.id), '[]')
  from members m join groups g on g.tenant_id = m.tenant_id and g.id = m.group_id where m.tenant_id = u.tenant_id and m.user_id = u.id)`;
const select = (groups: string) =>
  `select ${columnsOf(UserEntity, { alias: 'u', only: USER_COLUMNS })}, ${groups} as groups from users u`;

const FIND = prepared(`${select(GROUPS)} where u.tenant_id = $1 and u.id = $2 and u.deleted_at is null`);

export async function findUser(queryable: Queryable, tenantId: string, id: string): Promise<User | undefined> {
  const [user] = await queryable.query<User>(FIND, [tenantId, id]);
  return user;
}

/** Locks the user's row (FOR UPDATE). Waits for changes of the user and for groups that the user is joining. */
export async function lockUser(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.query('select 1 from users where tenant_id = $1 and id = $2 and deleted_at is null for update', [
    tenantId,
    id,
  ]);
}

/** Returns every user that has the name or the external id and is not deleted. */
export function findHolders(queryable: Queryable, tenantId: string, resource: UserResource): Promise<User[]> {
  return queryable.query<User>(
    `${select(GROUPS)} where u.tenant_id = $1 and u.deleted_at is null and (u.user_name_key = $2 or u.external_id = $3)`,
    [tenantId, nameKey(resource.userName), resource.externalId ?? null],
  );
}

export const nameKey = (name: string): string => name.toLowerCase();

/** The columns that are computed from the resource, in the order of `resourceValues`. */
const RESOURCE_COLUMNS = 'user_name, user_name_key, external_id, active, email, resource';
const resourceValues = (resource: UserResource): unknown[] => [
  resource.userName,
  nameKey(resource.userName),
  resource.externalId ?? null,
  resource.active === true,
  emailOf(resource),
  JSON.stringify(resource),
];

/** Changes a user and stores the events in one statement, so that both commit or neither. */
export class UserWrites {
  private readonly insertSql: Prepared;
  private readonly updateSql: Prepared;
  private readonly deleteSql: Prepared;

  constructor(private readonly outbox: Outbox) {
    // If another request inserts the same name at the same time, the statement waits for it and then inserts nothing.
    // The outbox row exists only if the user's row exists.
    this.insertSql = prepared(`
      with created as (
        insert into users (tenant_id, id, ${RESOURCE_COLUMNS}, version, created_at, updated_at, created_request)
        values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10) on conflict do nothing returning 1
      ), published as (${outbox.insertSql(11, 'created')})
      select count(*)::int as written from created`);
    // If another request has changed the user's row, the version differs and nothing happens.
    this.updateSql = prepared(`
      with changed as (
        update users set (${RESOURCE_COLUMNS}, version, updated_at) = ($4, $5, $6, $7, $8, $9, $10, $11)
        where tenant_id = $1 and id = $2 and version = $3 and deleted_at is null returning 1
      ), published as (${outbox.insertSql(12, 'changed')})
      select count(*)::int as written from changed`);
    // A deleted user never has a membership. The caller must hold the row lock, for which it has waited until no
    // request was adding the user to a group.
    this.deleteSql = prepared(`
      with gone as (
        update users set active = false, deleted_at = $4, updated_at = $4, version = $5
        where tenant_id = $1 and id = $2 and version = $3 and deleted_at is null returning 1
      ), departed as (
        delete from members where tenant_id = $1 and user_id = $2 and exists (select 1 from gone)
      ), published as (${outbox.insertSql(6, 'gone')})
      select count(*)::int as written from gone`);
  }

  /** Inserts a user. Returns false if another user that is not deleted has the name or the external id. */
  insert(queryable: Queryable, user: User, events: readonly NewEvent[]): Promise<boolean> {
    const { tenantId, id, resource, createdAt, createdRequest } = user;
    const values = [tenantId, id, ...resourceValues(resource), createdAt, createdRequest];
    return this.write(queryable, this.insertSql, values, events);
  }

  /** Updates a user. Returns false if the row's version is not `expected`. Throws {@link NameTaken}. */
  async update(queryable: Queryable, user: User, expected: number, events: readonly NewEvent[]): Promise<boolean> {
    const { tenantId, id, resource, version, updatedAt } = user;
    const values = [tenantId, id, expected, ...resourceValues(resource), version, updatedAt];
    try {
      return await this.write(queryable, this.updateSql, values, events);
    } catch (error) {
      if (sqlState(error) === '23505')
        throw new NameTaken(violatedConstraint(error) === 'users_external_id' ? 'externalId' : 'userName');
      throw error;
    }
  }

  /** Returns false if the row's version is not `expected`. */
  delete(
    queryable: Queryable,
    { tenantId, id, version }: UserState,
    expected: number,
    at: Date,
    events: readonly NewEvent[],
  ): Promise<boolean> {
    return this.write(queryable, this.deleteSql, [tenantId, id, expected, at, version], events);
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

/** The new name or external id belongs to another user. */
export class NameTaken extends Error {
  constructor(readonly attribute: 'userName' | 'externalId') {
    super(`${attribute} is taken`);
    this.name = 'NameTaken';
  }
}

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

/** Returns one page, oldest first, and the number of all matches. */
export function listUsers(
  queryable: Queryable,
  tenantId: string,
  { filter, page, withGroups }: { filter: Filter | undefined; page: Page; withGroups: boolean },
): Promise<{ rows: User[]; total: number }> {
  const parameters = new Parameters();
  const tenant = `u.tenant_id = ${parameters.add(tenantId)} and u.deleted_at is null`;
  return selectPage<User>(queryable, {
    select: select(withGroups ? GROUPS : `'[]'::jsonb`),
    from: 'users u',
    where: filter ? `${tenant} and ${filterSql(filter, filterColumns, parameters)}` : tenant,
    order: orderSql(filter, ['id', 'userName', 'externalId'], 'u.created_at, u.id'),
    parameters: parameters.values,
    page,
  });
}
