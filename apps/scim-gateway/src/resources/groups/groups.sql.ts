/** Reads and writes groups and their members in Postgres. Every statement names the tenant (P4). */
import { columnsOf, prepared, type Database, type Queryable } from '#platform';
import { groupSchema, type Filter, type Page } from '#scim';
import { groupNameKey } from '#settings';
import type { Columns } from '../../query/filter.sql.js';
import { selectPage } from '../../query/page.sql.js';
import { relatedOf, relatedSql } from '../../query/related.sql.js';
import { GROUP_COLUMNS, GroupEntity, type Group } from './group.entity.js';

const COLUMNS = columnsOf(GroupEntity, { alias: 'g', only: GROUP_COLUMNS });
const SELECT = `select ${COLUMNS} from groups g`;
const FIND = prepared(`${SELECT} where g.tenant_id = $1 and g.id = $2`);

export async function findGroup(queryable: Queryable, tenantId: string, id: string): Promise<Group | undefined> {
  const [group] = await queryable.query<Group>(FIND, [tenantId, id]);
  return group;
}

/**
 * Locks the group's row (FOR UPDATE). Every change of a group or its membership takes this lock first, then the locks
 * of the users who join, in the order of their ids, so that no deadlock arises.
 */
export async function lockGroup(tx: Queryable, tenantId: string, id: string): Promise<Group | undefined> {
  const [group] = await tx.query<Group>(`${SELECT} where g.tenant_id = $1 and g.id = $2 for update`, [tenantId, id]);
  return group;
}

/**
 * Inserts a group. Returns its id, or undefined if another group has the name. Ids follow the time (UUIDv7), so that the
 * members of a new group fill the end of their index instead of splitting its pages.
 */
export async function insertGroup(tx: Queryable, group: Omit<Group, 'id'>): Promise<string | undefined> {
  const { tenantId, displayName, externalId, version, createdAt } = group;
  const [row] = await tx.query<{ id: string }>(
    `insert into groups (tenant_id, id, display_name, display_name_key, external_id, version, created_at, updated_at)
     values ($1, uuidv7(), $2, $3, $4, $5, $6, $6) on conflict do nothing returning id`,
    [tenantId, displayName, groupNameKey(displayName), externalId, version, createdAt],
  );
  return row?.id;
}

/**
 * Updates a group. The caller must hold the row lock. If another group has the name, the update violates
 * `groups_display_name`.
 */
export async function updateGroup(tx: Queryable, group: Group): Promise<void> {
  const { tenantId, id, displayName, externalId, version, updatedAt } = group;
  await tx.query(
    `update groups set display_name = $3, display_name_key = $4, external_id = $5, version = $6, updated_at = $7
     where tenant_id = $1 and id = $2`,
    [tenantId, id, displayName, groupNameKey(displayName), externalId, version, updatedAt],
  );
}

/** Stores the version and the time of a change of members. The caller must hold the row lock. */
export async function advanceGroup(tx: Queryable, { tenantId, id, version, updatedAt }: Group): Promise<void> {
  await tx.query('update groups set version = $3, updated_at = $4 where tenant_id = $1 and id = $2', [
    tenantId,
    id,
    version,
    updatedAt,
  ]);
}

/** Deletes a group. The caller must hold the row lock and must have removed the members. */
export async function deleteGroup(tx: Queryable, { tenantId, id }: Group): Promise<void> {
  await tx.query('delete from groups where tenant_id = $1 and id = $2', [tenantId, id]);
}

const MEMBERS = relatedSql('group_id', 'user_id', 'users', 'user_name');

/** Yields the members of each group, sorted by id. */
export const membersOf = (queryable: Queryable, tenantId: string, groupIds: readonly string[]) =>
  relatedOf(queryable, MEMBERS, tenantId, groupIds);

const filterColumns: Columns = {
  schema: groupSchema,
  single: {
    id: { sql: 'g.id', kind: 'id' },
    displayName: { sql: 'g.display_name_key', kind: 'folded', key: groupNameKey },
    externalId: { sql: 'g.external_id', kind: 'exact' },
    'meta.created': { sql: 'g.created_at', kind: 'instant' },
    'meta.lastModified': { sql: 'g.updated_at', kind: 'instant' },
  },
  multiple: {
    members: {
      from: '(select m.user_id from members m where m.tenant_id = g.tenant_id and m.group_id = g.id) m',
      columns: { value: { sql: 'm.user_id', kind: 'id' } },
    },
  },
};

/** Returns one page, oldest first, and the number of all matches. */
export const listGroups = (
  database: Database,
  tenantId: string,
  query: { filter: Filter | undefined; page: Page },
): Promise<{ rows: Group[]; total: number }> =>
  selectPage<Group>(database, {
    ...query,
    tenantId,
    select: COLUMNS,
    from: 'groups g',
    where: 'g.tenant_id = $1',
    order: 'g.created_at, g.id',
    columns: filterColumns,
    unique: ['id', 'displayName'],
    rows: 'groups',
  });
