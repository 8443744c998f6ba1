/**
 * The members of groups, stored only while a mapping names the group.
 *
 * A load reads pages from scim-gateway while events arrive. Each page has the group's version V at the moment of the
 * read. It is stored only while no event after V was applied, under the lock of the group's row; otherwise it is read
 * again. The events up to V that arrive later repeat what the page shows already, in order. So when the event V has
 * been applied, the range of the page is the membership at V. The load is complete when this holds for the last page.
 */
import { columnsOf, prepared, type Queryable, type Tx } from '#platform';
import type { Change, ReevaluationRequest } from '../accounts/reevaluation.sql.js';
import { MembershipLoadEntity } from './directory.entity.js';

const applySql = prepared(`
  with gone as (
    delete from membership where tenant = $1 and group_id = $2 and user_id = any($4::uuid[])
  )
  insert into membership (tenant, group_id, user_id)
  select $1, $2, j.id from unnest($3::uuid[]) j(id)
   where not exists (select 1 from directory_user u where u.id = j.id and u.deleted)
  on conflict do nothing`);

/** Applies an event about members. The caller has stored the event's version and so holds the lock of the group's row. */
export async function applyMembers(
  tx: Tx,
  tenant: string,
  { group, joined, left }: { group: { id: string }; joined: readonly string[]; left: readonly string[] },
): Promise<void> {
  await tx.query(applySql, [tenant, group.id, joined, left]);
}

/**
 * SQL condition: the mapping `m` names the group `d`, by its id, its name, or a name that it is pinned to. The members of a
 * group that only waits for a confirmation are needed too, because an administrator sees how many they are.
 */
const names = (d: string): string => `(m.tenant = ${d}.tenant and (m.group_key in (${d}.name_key, 'id:' || ${d}.id)
  or exists (select 1 from group_pin n where n.tenant = ${d}.tenant and n.group_id = ${d}.id and n.name_key = m.group_key)))`;
const MAPPED = `not d.deleted and exists (select 1 from role_mapping m where ${names('d')})`;

const startSql = `
  with started as (
    update directory_group d set members = 'loading'
     where d.tenant = $1 and ($2::uuid[] is null or d.id = any($2)) and d.members = 'unknown' and ${MAPPED}
    returning d.id
  )
  insert into membership_load (group_id, tenant, cause, cause_group, causation_id, traceparent)
  select s.id, $1, c.cause, c.group_id, c.causation_id, c.traceparent from started s
    join unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) as c(group_id, cause, causation_id, traceparent)
      on c.group_id is null or c.group_id = s.id
  returning 1`;

/**
 * Begins to load the members of groups that a mapping names now. The caller holds the tenant's lock exclusively, and the
 * requests are about groups or the whole tenant. Resolves with true if a load was started.
 */
export async function startLoads(tx: Tx, tenant: string, requests: readonly ReevaluationRequest[]): Promise<boolean> {
  // A change of the settings is the cause of all loads. Otherwise the latest change of each group is.
  const settings = requests.findLast(({ groupId }) => groupId === null);
  const causes = settings ? [settings] : [...new Map(requests.map((request) => [request.groupId, request])).values()];
  const rows = await tx.query(startSql, [
    tenant,
    settings ? null : causes.map(({ groupId }) => groupId),
    causes.map(({ groupId }) => groupId),
    causes.map(({ cause }) => cause),
    causes.map(({ causationId }) => causationId),
    causes.map(({ traceparent }) => traceparent),
  ]);
  return rows.length > 0;
}

const forgetSql = `
  with forgotten as (
    update directory_group d set members = 'unknown'
     where d.tenant = $1 and d.members <> 'unknown' and not (${MAPPED}) and not exists (select 1 from reevaluation r where r.tenant = $1)
    returning d.id
  ), ended as (
    delete from membership_load l using forgotten f where l.group_id = f.id
  )
  delete from membership m using forgotten f where m.group_id = f.id`;

/**
 * Deletes the members of groups that no mapping names any more. The caller holds the tenant's lock exclusively. Does
 * nothing while a re-evaluation is requested, because it may need the members to take their roles.
 */
export async function forgetMembers(tx: Tx, tenant: string): Promise<void> {
  await tx.query(forgetSql, [tenant]);
}

/** Loads the members of the cause's group from the beginning. The caller holds the lock of the group's row. */
export async function restartLoad(tx: Tx, tenant: string, { cause, traceparent }: Change): Promise<void> {
  await tx.query(`update directory_group set members = 'loading' where id = $1 and tenant = $2`, [
    cause.groupId,
    tenant,
  ]);
  await tx.query(
    `insert into membership_load (group_id, tenant, cause, cause_group, causation_id, traceparent) values ($1, $2, $3, $1, $4, $5)
     on conflict (group_id) do update set after = null, until_version = null, attempts = 0, next_attempt_at = clock_timestamp()`,
    [cause.groupId, tenant, cause.type, cause.causationId, traceparent],
  );
}

const LOAD = [
  'groupId',
  'tenant',
  'after',
  'untilVersion',
  'cause',
  'causeGroup',
  'causationId',
  'traceparent',
  'attempts',
] as const;
export type Load = Pick<MembershipLoadEntity, (typeof LOAD)[number]>;

/** Reserves the load for 30 seconds. The tenants take turns: the next one after `$1` comes first. */
const claimSql = `
  update membership_load set next_attempt_at = clock_timestamp() + interval '30 seconds'
   where group_id = (select group_id from membership_load where next_attempt_at <= clock_timestamp()
                      order by tenant <= $1, tenant, next_attempt_at limit 1 for update skip locked)
  returning ${columnsOf(MembershipLoadEntity, { only: LOAD })}`;

export async function claimLoad(queryable: Queryable, lastTenant: string): Promise<Load | undefined> {
  const [load] = await queryable.query<Load>(claimSql, [lastTenant]);
  return load;
}

/** Tries again after 0.25, 0.5, 1, ... seconds, at most a minute. Ends the load of a group that was deleted meanwhile. */
export async function failLoad(queryable: Queryable, { groupId }: Load, error: string): Promise<void> {
  await queryable.query(
    'delete from membership_load l using directory_group d where l.group_id = $1 and d.id = l.group_id and d.deleted',
    [groupId],
  );
  await queryable.query(
    `update membership_load set attempts = attempts + 1, last_error = $2,
       next_attempt_at = clock_timestamp() + make_interval(secs => least(60, 0.25 * 2 ^ least(attempts, 10)))
     where group_id = $1`,
    [groupId, error],
  );
}

export interface Page {
  readonly version: number;
  readonly members: readonly string[];
  readonly next: string | null;
}

const storeSql = `
  with gone as (
    delete from membership where tenant = $1 and group_id = $2 and user_id <> all($3::uuid[])
       and ($4::uuid is null or user_id > $4) and ($5::uuid is null or user_id <= $5)
  )
  insert into membership (tenant, group_id, user_id)
  select $1, $2, p.id from unnest($3::uuid[]) p(id)
   where not exists (select 1 from directory_user u where u.id = p.id and u.deleted)
  on conflict do nothing`;

/** Evaluates the members, and everybody who kept a role of the group because the members were loading. */
const completeSql = `
  with completed as (
    update directory_group set members = 'complete' where id = $2 and tenant = $1 returning id, tenant, name_key
  ), ended as (
    delete from membership_load where group_id = $2
  )
  insert into reevaluation (tenant, user_ids, group_id, cause, causation_id, traceparent)
  select $1, array(
           select user_id from membership where tenant = $1 and group_id = $2
           union select id from account where tenant = $1 and assigned_roles && array(
             select m.role from role_mapping m where ${names('c')})
         ), $3, $4, $5, $6 from completed c`;

/**
 * `continues`: there is another page, or the events up to the last page have not arrived yet. `outdated`: the page is
 * older than the applied events and was not stored. `superseded`: the load has ended or was restarted in the meantime.
 */
export type LoadProgress = 'continues' | 'outdated' | 'superseded' | 'complete';

/** Stores a page, or nothing if the last page was stored before. Completes the load if the events have caught up. */
export async function advanceLoad(tx: Tx, load: Load, page: Page | null): Promise<LoadProgress> {
  const { tenant, groupId, cause, causeGroup, causationId, traceparent } = load;
  const [group] = await tx.query<{ version: number; members: string; deleted: boolean }>(
    'select version::float8 as version, members, deleted from directory_group where id = $1 and tenant = $2 for update',
    [groupId, tenant],
  );
  const [current] = await tx.query<Pick<Load, 'after' | 'untilVersion'>>(
    `select ${columnsOf(MembershipLoadEntity, { only: ['after', 'untilVersion'] })} from membership_load where group_id = $1`,
    [groupId],
  );
  const same = current?.after === load.after && current.untilVersion === load.untilVersion;
  if (!group || group.deleted || group.members !== 'loading' || !same) return 'superseded';
  if (page && group.version > page.version) return 'outdated';
  if (page) await tx.query(storeSql, [tenant, groupId, page.members, load.after, page.next]);
  const until = page ? (page.next === null ? page.version : null) : load.untilVersion;
  if (until !== null && group.version >= until) {
    await tx.query(completeSql, [tenant, groupId, causeGroup, cause, causationId, traceparent]);
    return 'complete';
  }
  await tx.query(
    `update membership_load set after = $2, until_version = $3, attempts = 0, last_error = null,
       next_attempt_at = clock_timestamp() + make_interval(secs => $4) where group_id = $1`,
    [groupId, page?.next ?? load.after, until, until === null ? 0 : 0.2],
  );
  return 'continues';
}
