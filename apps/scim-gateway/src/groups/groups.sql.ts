/** Groups and their members in Postgres. Every statement names the tenant (P4). */
import type { DirectoryGroup } from '#events';
import { prepared, type Queryable } from '#platform';
import { groupSchema, type Filter, type Page } from '#scim';
import { groupNameKey } from '#settings';
import { filterSql, orderSql, Parameters, type Columns } from '../filter.sql.js';

export interface GroupRow {
  readonly id: string;
  readonly tenantId: string;
  readonly displayName: string;
  readonly externalId: string | null;
  /** Sequence of the last event about the group itself. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Member {
  readonly value: string;
  readonly display: string;
}

interface Raw {
  id: string;
  display_name: string;
  external_id: string | null;
  version: string;
  created_at: Date;
  updated_at: Date;
}

const SELECT = 'select g.id, g.display_name, g.external_id, g.version, g.created_at, g.updated_at from groups g';
const FIND = prepared(`${SELECT} where g.tenant_id = $1 and g.id = $2`);

export async function findGroup(queryable: Queryable, tenantId: string, id: string): Promise<GroupRow | undefined> {
  const [raw] = await queryable.query<Raw>(FIND, [tenantId, id]);
  return raw && toRow(tenantId, raw);
}

/**
 * Locks the group's row (FOR UPDATE). Whoever changes a group or its membership takes this lock first and user rows
 * after it, in the order of their ids; so writers of one group queue up, and no two writers wait for each other.
 */
export async function lockGroup(tx: Queryable, tenantId: string, id: string): Promise<GroupRow | undefined> {
  const [raw] = await tx.query<Raw>(`${SELECT} where g.tenant_id = $1 and g.id = $2 for update`, [tenantId, id]);
  return raw && toRow(tenantId, raw);
}

/** False if another group has the name. The new row is locked by its insertion. */
export async function insertGroup(tx: Queryable, group: GroupRow): Promise<boolean> {
  const rows = await tx.query(
    `insert into groups (tenant_id, id, display_name, display_name_key, external_id, version, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict do nothing returning 1`,
    [
      group.tenantId,
      group.id,
      group.displayName,
      groupNameKey(group.displayName),
      group.externalId,
      group.version,
      group.createdAt,
    ],
  );
  return rows.length === 1;
}

/** The caller holds the lock of the row. A name that another group has violates `groups_display_name`. */
export async function updateGroup(tx: Queryable, group: GroupRow): Promise<void> {
  await tx.query(
    'update groups set display_name = $3, display_name_key = $4, external_id = $5, version = $6, updated_at = $7 where tenant_id = $1 and id = $2',
    [
      group.tenantId,
      group.id,
      group.displayName,
      groupNameKey(group.displayName),
      group.externalId,
      group.version,
      group.updatedAt,
    ],
  );
}

/** The caller holds the lock of the row and has removed the members. */
export async function deleteGroup(tx: Queryable, group: GroupRow): Promise<void> {
  await tx.query('delete from groups where tenant_id = $1 and id = $2', [group.tenantId, group.id]);
}

export const directoryGroup = ({ id, displayName, externalId, version }: GroupRow): DirectoryGroup => ({
  id,
  displayName,
  externalId,
  version,
});

/** Members of each of the groups, in the order of their ids. */
export async function membersOf(
  queryable: Queryable,
  tenantId: string,
  groupIds: readonly string[],
): Promise<Map<string, Member[]>> {
  const rows = await queryable.query<{ group_id: string; value: string; display: string }>(
    `select m.group_id, u.id as value, u.user_name as display from members m join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
     where m.tenant_id = $1 and m.group_id = any($2::uuid[]) order by m.group_id, u.id`,
    [tenantId, groupIds],
  );
  const members = new Map<string, Member[]>(groupIds.map((id) => [id, []]));
  for (const { group_id: groupId, value, display } of rows) members.get(groupId)?.push({ value, display });
  return members;
}

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

/** One page in the order of creation, and the number of all matches. */
export async function listGroups(
  queryable: Queryable,
  tenantId: string,
  filter: Filter | undefined,
  page: Page,
): Promise<{ groups: GroupRow[]; total: number }> {
  const parameters = new Parameters();
  const where = `g.tenant_id = ${parameters.add(tenantId)}${filter ? ` and ${filterSql(filter, filterColumns, parameters)}` : ''}`;
  const count = { text: `select count(*)::int as total from groups g where ${where}`, values: [...parameters.values] };
  const skip = page.startIndex - 1;
  const raws =
    page.count === 0
      ? []
      : await queryable.query<Raw>(
          `${SELECT} where ${where} ${orderSql(filter, ['id', 'displayName'], 'g.created_at, g.id')} offset ${parameters.add(skip)} limit ${parameters.add(page.count)}`,
          parameters.values,
        );
  const groups = raws.map((raw) => toRow(tenantId, raw));
  if (groups.length > 0 && groups.length < page.count) return { groups, total: skip + groups.length };
  const [counted] = await queryable.query<{ total: number }>(count);
  return { groups, total: counted?.total ?? 0 };
}

const toRow = (tenantId: string, raw: Raw): GroupRow => ({
  id: raw.id,
  tenantId,
  displayName: raw.display_name,
  externalId: raw.external_id,
  version: Number(raw.version),
  createdAt: raw.created_at,
  updatedAt: raw.updated_at,
});
