/**
 * Changes the membership of groups with set-based statements. Their cost depends on the size of the change, not of the
 * group and not of the number of groups that a user is in.
 */
import { prepared, type Queryable } from '#platform';
import { LIMITS, quote, ScimError } from '#scim';
import type { Group } from './group.entity.js';

/** The requested change. Ids are UUIDs in lower case, and users with these ids need not exist. */
export type MembershipChange =
  | { readonly kind: 'difference'; readonly add: readonly string[]; readonly remove: readonly string[] }
  | { readonly kind: 'replace'; readonly all: readonly string[] };

export interface MembershipResult {
  /** Ids of the users who became members, sorted. */
  readonly joined: readonly string[];
  readonly left: readonly string[];
  /** Ids from `add` for which this tenant has no user, or only a deleted user. */
  readonly unknown: readonly string[];
}

interface Difference {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** Changes the membership. The caller must hold the lock of the group's row. */
export async function changeMembership(
  tx: Queryable,
  group: Group,
  change: MembershipChange,
): Promise<MembershipResult> {
  const { add, remove } =
    change.kind === 'replace' ? await differenceToAll(tx, group, change.all) : await effective(tx, group, change);
  const existing = add.length === 0 ? [] : await lockUsers(tx, group.tenantId, add);
  const left = await deleteMembers(tx, group, remove);
  const joined = await insertMembers(tx, group, existing);
  const excessive = await inTooManyGroups(tx, group, joined);
  if (excessive !== undefined) throw tooManyGroups(excessive, group);
  const exists = new Set(existing);
  return { joined, left, unknown: add.filter((id) => !exists.has(id)) };
}

/** Removes all members of a group that is deleted next. Resolves with their number. */
export async function removeAllMembers(tx: Queryable, { tenantId, id }: Group): Promise<number> {
  const [row] = await tx.query<{ left: number }>(
    `with gone as (delete from members where tenant_id = $1 and group_id = $2 returning 1)
     select count(*)::int as "left" from gone`,
    [tenantId, id],
  );
  return row?.left ?? 0;
}

/** Leaves out additions of existing members, which Entra ID repeats, and removals of other users. */
async function effective(tx: Queryable, group: Group, { add, remove }: Difference): Promise<Difference> {
  const rows = await tx.query<{ userId: string }>(
    'select user_id as "userId" from members where tenant_id = $1 and group_id = $2 and user_id = any($3::uuid[])',
    [group.tenantId, group.id, [...add, ...remove]],
  );
  const members = new Set(rows.map((row) => row.userId));
  return { add: add.filter((id) => !members.has(id)), remove: remove.filter((id) => members.has(id)) };
}

/** Compares the current members with `all` inside Postgres, so that only the difference is transferred. */
async function differenceToAll(tx: Queryable, group: Group, all: readonly string[]): Promise<Difference> {
  const rows = await tx.query<{ id: string; wanted: boolean }>(
    `select coalesce(w.id, m.user_id) as id, w.id is not null as wanted
     from (select user_id from members where tenant_id = $1 and group_id = $2) m full join unnest($3::uuid[]) w(id) on w.id = m.user_id
     where w.id is null or m.user_id is null`,
    [group.tenantId, group.id, all],
  );
  return {
    add: rows.filter((row) => row.wanted).map((row) => row.id),
    remove: rows.filter((row) => !row.wanted).map((row) => row.id),
  };
}

/**
 * Locks the users' rows against deletion, in the order of their ids. FOR KEY SHARE is the lock that the foreign key
 * needs anyway, and it does not wait for changes of the users.
 */
async function lockUsers(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    'select id from users where tenant_id = $1 and id = any($2::uuid[]) and deleted_at is null order by id for key share',
    [tenantId, ids],
  );
  return rows.map((row) => row.id);
}

async function deleteMembers(tx: Queryable, group: Group, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await tx.query<{ userId: string }>(
    'delete from members where tenant_id = $1 and group_id = $2 and user_id = any($3::uuid[]) returning user_id as "userId"',
    [group.tenantId, group.id, ids],
  );
  return rows.map((row) => row.userId).sort();
}

/**
 * The ids are sorted, so that neighbours in the index are inserted one after the other. Nobody else can insert the same
 * rows, because the caller holds the lock of the group; `on conflict` would write an additional WAL record per row.
 */
async function insertMembers(tx: Queryable, group: Group, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await tx.query<{ userId: string }>(
    'insert into members (tenant_id, group_id, user_id) select $1, $2, unnest($3::uuid[]) returning user_id as "userId"',
    [group.tenantId, group.id, ids],
  );
  return rows.map((row) => row.userId);
}

/** Counts nothing in a tenant that has no more groups than a user may be in. */
const EXCESSIVE = prepared(`
  select j.id from unnest($2::uuid[]) j(id)
   where exists (select 1 from groups where tenant_id = $1 offset ${LIMITS.groupsPerUser})
     and (select count(*) from members m where m.tenant_id = $1 and m.user_id = j.id) > ${LIMITS.groupsPerUser}
   limit 1`);

/** Returns one of the users who are in too many groups now. */
async function inTooManyGroups(tx: Queryable, group: Group, joined: readonly string[]): Promise<string | undefined> {
  if (joined.length === 0) return undefined;
  const [excessive] = await tx.query<{ id: string }>(EXCESSIVE, [group.tenantId, joined]);
  return excessive?.id;
}

const tooManyGroups = (userId: string, group: Group) =>
  ScimError.of(
    'tooMany',
    `With the group ${quote(group.displayName)} the user ${quote(userId)} would be in more than ${LIMITS.groupsPerUser.toLocaleString('en')} groups, which is the limit. Push fewer groups that this user is in. Nothing was changed.`,
  );

export interface MemberPage {
  readonly version: number;
  readonly members: readonly string[];
}

const PAGE = prepared(`
  select g.version::float8 as version, array(
    select m.user_id from members m
     where m.tenant_id = g.tenant_id and m.group_id = g.id and ($3::uuid is null or m.user_id > $3) order by m.user_id limit $4
  ) as members
  from groups g where g.tenant_id = $1 and g.id = $2`);

/** Reads a page of members and the group's version in one snapshot. Returns undefined if there is no such group. */
export async function memberPage(
  queryable: Queryable,
  tenantId: string,
  groupId: string,
  after: string | null,
  limit: number,
): Promise<MemberPage | undefined> {
  const [page] = await queryable.query<MemberPage>(PAGE, [tenantId, groupId, after, limit]);
  return page;
}
