/**
 * Changes the membership of groups with set-based statements. Their cost depends on the size of the change, not of the
 * group. Each change of a membership increments the user's version and stores an event with the user's new state.
 */
import { currentTraceparent, prepared, type Queryable } from '#platform';
import { LIMITS, quote, ScimError } from '#scim';
import { EVENT_SOURCE, type Cause } from '../events.js';
import { directoryUserSql } from '../users/user-events.js';
import type { Group } from './group.entity.js';
import { directoryGroup } from './groups.sql.js';

/** The requested change. Ids are UUIDs in lower case, and users with these ids need not exist. */
export type MembershipChange =
  | { readonly kind: 'difference'; readonly add: readonly string[]; readonly remove: readonly string[] }
  | { readonly kind: 'replace'; readonly all: readonly string[] };

export interface MembershipResult {
  readonly joined: number;
  readonly left: number;
  /** Ids from `add` for which this tenant has no user, or only a deleted user. */
  readonly unknown: readonly string[];
}

interface Difference {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

const JOINED = 'com.stackflow.directory.user.joined-group.v1';
const LEFT = 'com.stackflow.directory.user.left-group.v1';

/** Changes the membership. The caller must hold the lock of the group's row. */
export async function changeMembership(
  tx: Queryable,
  group: Group,
  change: MembershipChange,
  cause: Cause,
): Promise<MembershipResult> {
  const { add, remove } =
    change.kind === 'replace' ? await differenceToAll(tx, group, change.all) : await effective(tx, group, change);
  if (add.length === 0 && remove.length === 0) return { joined: 0, left: 0, unknown: [] };
  const existing = new Set(await lockUsers(tx, group.tenantId, [...add, ...remove]));
  const exists = (id: string) => existing.has(id);
  const removed = await deleteMembers(tx, group, remove.filter(exists));
  const added = await insertMembers(tx, group, add.filter(exists));
  const excessive = await publish(tx, group, added, removed, cause);
  if (excessive !== undefined) throw inTooManyGroups(excessive, group);
  if (added.length + removed.length > 0)
    await tx.query('update groups set updated_at = $3 where tenant_id = $1 and id = $2', [
      group.tenantId,
      group.id,
      cause.at,
    ]);
  return { joined: added.length, left: removed.length, unknown: add.filter((id) => !exists(id)) };
}

/**
 * Leaves out additions of existing members and removals of other users. When Entra ID removes a member, it also adds
 * existing members again. Such additions must not lock users or increment their versions.
 */
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

/** Locks the users' rows (FOR UPDATE). Every writer locks in the order of ids, so that no deadlock arises. */
async function lockUsers(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    'select id from users where tenant_id = $1 and id = any($2::uuid[]) and deleted_at is null order by id for update',
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
  return rows.map((row) => row.userId);
}

async function insertMembers(tx: Queryable, group: Group, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await tx.query<{ userId: string }>(
    `insert into members (tenant_id, group_id, user_id) select $1, $2, unnest($3::uuid[])
     on conflict do nothing returning user_id as "userId"`,
    [group.tenantId, group.id, ids],
  );
  return rows.map((row) => row.userId);
}

/**
 * Increments the users' versions and stores their events in one statement. Run it after the change of membership, so
 * that events list the new groups. The caller must have locked the rows. If users who joined are now in too many
 * groups, returns one of them.
 */
const PUBLISH = prepared(`
  with changes as (
    select * from unnest($3::uuid[], $4::text[]) as c(user_id, type)
  ), bumped as (
    update users u set version = u.version + 1, updated_at = $5::timestamptz from changes c
    where u.tenant_id = $1::uuid and u.id = c.user_id
    returning u.id, u.user_name, u.external_id, u.active, u.email, u.resource, u.version, c.type
  ), stored as (
    insert into outbox (topic, key, type, source, subject, tenant, sequence, time, causation_id, traceparent, data)
    select 'directory.users', $1::uuid || ':' || b.id, b.type, $6::text, b.id::text, $1::uuid, b.version, $5::timestamptz, $7::text, $8::text,
      jsonb_build_object('user', ${directoryUserSql('b', 's.groups')}, 'group', $2::jsonb)
    from bumped b
    cross join lateral (
      select coalesce(jsonb_agg(m.group_id order by m.group_id), '[]') as groups from members m where m.tenant_id = $1::uuid and m.user_id = b.id
    ) s
    order by b.id
    returning subject, type, jsonb_array_length(data #> '{user,groups}') as groups
  )
  select subject from stored where type = '${JOINED}' and groups > ${LIMITS.groupsPerUser} limit 1`);

async function publish(
  tx: Queryable,
  group: Group,
  joined: readonly string[],
  left: readonly string[],
  cause: Cause,
): Promise<string | undefined> {
  if (joined.length + left.length === 0) return undefined;
  const types = [...joined.map(() => JOINED), ...left.map(() => LEFT)];
  const [excessive] = await tx.query<{ subject: string }>(PUBLISH, [
    group.tenantId,
    JSON.stringify(directoryGroup(group)),
    [...joined, ...left],
    types,
    cause.at,
    EVENT_SOURCE,
    cause.requestId,
    currentTraceparent(),
  ]);
  return excessive?.subject;
}

const inTooManyGroups = (userId: string, group: Group) =>
  ScimError.of(
    'tooMany',
    `With the group ${quote(group.displayName)} the user ${quote(userId)} would be in more than ${LIMITS.groupsPerUser.toLocaleString('en')} groups, which is the limit. Push fewer groups that this user is in. Nothing was changed.`,
  );
