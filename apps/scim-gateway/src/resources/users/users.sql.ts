/** Reads and writes users in Postgres. Every statement names the tenant (P4). */
import type { NewEvent, Outbox } from '#event-bus';
import {
  columnsOf,
  prepared,
  sqlState,
  violatedConstraint,
  type Database,
  type Prepared,
  type Queryable,
} from '#platform';
import { userSchema, type Filter, type Page, type UserResource } from '#scim';
import { isLookup, type Columns } from '../../query/filter.sql.js';
import { selectPage } from '../../query/page.sql.js';
import { relatedOf, relatedSql } from '../../query/related.sql.js';
import { emailOf, type UserState } from './user-events.js';
import { USER_COLUMNS, UserEntity, type User } from './user.entity.js';

const GROUPS = `(select coalesce(jsonb_agg(jsonb_build_object('value', g.id, 'display', g.display_name) order by g.id), '[]')
  from members m join groups g on g.tenant_id = m.tenant_id and g.id = m.group_id where m.tenant_id = u.tenant_id and m.user_id = u.id)`;
const COLUMNS = columnsOf(UserEntity, { alias: 'u', only: USER_COLUMNS });
const SELECT = `select ${COLUMNS}, ${GROUPS} as groups from users u`;

const FIND = prepared(`${SELECT} where u.tenant_id = $1 and u.id = $2 and u.deleted_at is null`);

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
    `${SELECT} where u.tenant_id = $1 and u.deleted_at is null and (u.user_name_key = $2 or u.external_id = $3)`,
    [tenantId, nameKey(resource.userName), resource.externalId ?? null],
  );
}

/** Names are equal if they differ only in case or in the composition of their characters (NFC). */
export const nameKey = (name: string): string => name.normalize('NFC').toLowerCase();

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
        update users set (${RESOURCE_COLUMNS}, version, access_version, updated_at) = ($4, $5, $6, $7, $8, $9, $10, $11, $12)
        where tenant_id = $1 and id = $2 and version = $3 and deleted_at is null returning 1
      ), published as (${outbox.insertSql(13, 'changed')})
      select count(*)::int as written from changed`);
    // Nothing about a deleted user is needed but the id and the version. A deleted user never has a membership. The caller
    // must hold the row lock, for which it has waited until no request was adding the user to a group.
    this.deleteSql = prepared(`
      with gone as (
        update users set active = false, deleted_at = $4, updated_at = $4, version = $5, access_version = $6,
          user_name = '', user_name_key = '', external_id = null, email = null, resource = '{}'
        where tenant_id = $1 and id = $2 and version = $3 and deleted_at is null returning 1
      ), departed as (
        delete from members where tenant_id = $1 and user_id = $2 and exists (select 1 from gone)
      ), published as (${outbox.insertSql(7, 'gone')})
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
    const { tenantId, id, resource, version, accessVersion, updatedAt } = user;
    const values = [tenantId, id, expected, ...resourceValues(resource), version, accessVersion, updatedAt];
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
    { tenantId, id, version, accessVersion }: UserState,
    expected: number,
    at: Date,
    events: readonly NewEvent[],
  ): Promise<boolean> {
    return this.write(queryable, this.deleteSql, [tenantId, id, expected, at, version, accessVersion], events);
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
    userName: { sql: 'u.user_name_key', kind: 'folded', key: nameKey, part: nameKey },
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

const UNIQUE = ['id', 'userName', 'externalId'];

/** A page of users, oldest first, and the number of all matches. */
export interface UserPage {
  readonly total: number;
  /** The users themselves, if the filter is a lookup. Okta makes one before each push, and it needs one statement. */
  readonly users?: readonly User[];
  readonly ids: readonly string[];
}

export async function listUsers(
  database: Database,
  tenantId: string,
  { withGroups, ...query }: { filter: Filter | undefined; page: Page; withGroups: boolean },
): Promise<UserPage> {
  const lookup = isLookup(query.filter, UNIQUE);
  const { rows, total } = await selectPage<User>(database, {
    ...query,
    tenantId,
    select: lookup ? `${COLUMNS}, ${withGroups ? GROUPS : `'[]'::jsonb`} as groups` : 'u.id',
    from: 'users u',
    where: 'u.tenant_id = $1 and u.deleted_at is null',
    order: 'u.created_at, u.id',
    columns: filterColumns,
    unique: UNIQUE,
    rows: 'users',
  });
  return { total, ids: rows.map((user) => user.id), ...(lookup && { users: rows }) };
}

type WithoutGroups = Omit<User, 'groups'>;

/** Users of one statement. */
const USERS_PER_READ = 50;
/** The statement returns no more users after so many characters, because each user may have 1 MiB. */
const CHARACTERS_PER_READ = 1024 * 1024;

const BY_IDS = prepared(`
  select ${COLUMNS}, u.n, u.found from (
    select u.*, o.n::int as n, (count(*) over ())::int as found,
      sum(length(u.resource::text)) over (order by o.n rows between unbounded preceding and 1 preceding) as before
    from unnest($2::uuid[]) with ordinality o(id, n) join users u on u.tenant_id = $1 and u.id = o.id and u.deleted_at is null
  ) u where u.before is null or u.before < ${CHARACTERS_PER_READ} order by u.n`);

/** Yields the users in batches, in the order of `ids`, without those that were deleted meanwhile. */
export async function* usersOf(
  queryable: Queryable,
  tenantId: string,
  ids: readonly string[],
): AsyncGenerator<WithoutGroups[], void, undefined> {
  for (let at = 0; at < ids.length;) {
    const batch = ids.slice(at, at + USERS_PER_READ);
    const users = await queryable.query<WithoutGroups & { n: number; found: number }>(BY_IDS, [tenantId, batch]);
    const last = users.at(-1);
    at += last && users.length < last.found ? last.n : batch.length;
    yield users;
  }
}

const GROUPS_OF_USERS = relatedSql('user_id', 'group_id', 'groups', 'display_name');

/** Yields the groups of each user, sorted by id. */
export const groupsOf = (queryable: Queryable, tenantId: string, userIds: readonly string[]) =>
  relatedOf(queryable, GROUPS_OF_USERS, tenantId, userIds);
