/** Copies of users, groups and memberships as scim-gateway's events tell them; every write is gated by version. */
import type { DirectoryGroup, DirectoryUser } from '#events';
import { prepared, type Queryable, type Tx } from '#platform';
import { groupKey } from '#settings';
import type { Cause } from '../roles/transition.js';

/**
 * Locks the user's row. Memberships follow from the full list that each event carries, so that nothing depends on
 * having seen every join and leave. The account row is made on the first sight of the person.
 */
const projectUserSql = prepared(`
  with stored as (
    insert into directory_user as u (id, tenant, version, user_name, external_id, active, deleted, display_name, given_name, family_name, email)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    on conflict (id) do update
      set version = excluded.version, user_name = excluded.user_name, external_id = excluded.external_id, active = excluded.active,
          deleted = excluded.deleted, display_name = excluded.display_name, given_name = excluded.given_name,
          family_name = excluded.family_name, email = excluded.email
      where u.version < excluded.version and u.tenant = excluded.tenant and not u.deleted
    returning id
  ), gone as (
    delete from membership m using stored where m.user_id = stored.id and m.group_id <> all($12::uuid[])
  ), added as (
    insert into membership (user_id, group_id, tenant)
    select stored.id, g.id, $2 from stored cross join unnest($12::uuid[]) as g(id)
    on conflict do nothing
  ), made as (
    insert into account (id, tenant, user_name, external_id, email, display_name, given_name, family_name)
    select id, $2, $4, $5, $11, $8, $9, $10 from stored
    on conflict (id) do nothing
  )
  select id from stored`);

/** `stored` = the projection changed; `stale` = it knows newer things; `foreign` = the id belongs to another tenant. */
export async function projectUser(
  tx: Tx,
  tenant: string,
  version: number,
  user: DirectoryUser,
  deleted: boolean,
): Promise<'stored' | 'stale' | 'foreign'> {
  const groups = deleted ? [] : user.groups;
  const { givenName, familyName } = user.name;
  const parameters = [
    user.id,
    tenant,
    version,
    user.userName,
    user.externalId,
    user.active,
    deleted,
    user.displayName,
    givenName,
    familyName,
    user.email,
    groups,
  ];
  const rows = await tx.query(projectUserSql, parameters);
  if (rows.length > 0) return 'stored';
  const [owner] = await tx.query<{ tenant: string }>('select tenant from directory_user where id = $1', [user.id]);
  return owner && owner.tenant !== tenant ? 'foreign' : 'stale';
}

/**
 * Locks the group's row only if there is news: thousands of joins of one group run in parallel and all carry it.
 * A group that is new, has another name or is gone asks for its members' re-evaluation in the same transaction.
 */
const projectGroupSql = prepared(`
  with before as (
    select version, name_key, deleted from directory_group where id = $1
  ), stored as (
    insert into directory_group as g (id, tenant, version, display_name, name_key, deleted)
    select $1::uuid, $2::uuid, $3::bigint, $4, $5, $6::boolean
     where not exists (select 1 from before where version >= $3 or deleted)
    on conflict (id) do update
      set version = excluded.version, display_name = excluded.display_name, name_key = excluded.name_key, deleted = excluded.deleted
      where g.version < excluded.version and g.tenant = excluded.tenant and not g.deleted
    returning g.name_key, g.deleted
  )
  insert into reevaluation (tenant, group_id, cause, causation_id, traceparent)
  select $2, $1, $7, $8, $9 from stored left join before on true
   where before.name_key is distinct from stored.name_key or before.deleted is distinct from stored.deleted
  returning id`);

/** True = the members have to be evaluated again, and the request for it is stored. */
export async function projectGroup(
  tx: Tx,
  tenant: string,
  group: DirectoryGroup,
  deleted: boolean,
  cause: Cause,
  traceparent: string | null,
): Promise<boolean> {
  const nameKey = groupKey({ name: group.displayName });
  const parameters = [
    group.id,
    tenant,
    group.version,
    group.displayName,
    nameKey,
    deleted,
    cause.type,
    cause.causationId,
    traceparent,
  ];
  return (await tx.query(projectGroupSql, parameters)).length > 0;
}

export interface MappingRow {
  readonly groupKey: string;
  readonly role: string;
  readonly precedence: number;
}

/** The tenant's settings row is locked by the caller, so two versions cannot interleave here. */
export async function replaceMappings(
  tx: Tx,
  tenant: string,
  roles: readonly string[],
  mappings: readonly MappingRow[],
): Promise<void> {
  await tx.query('delete from role_mapping where tenant = $1', [tenant]);
  await tx.query(
    `insert into role_mapping (tenant, group_key, role, precedence)
     select $1, m.* from unnest($2::text[], $3::text[], $4::int[]) as m(group_key, role, precedence) on conflict do nothing`,
    [tenant, mappings.map((m) => m.groupKey), mappings.map((m) => m.role), mappings.map((m) => m.precedence)],
  );
  await tx.query('insert into known_role (role) select distinct unnest($1::text[]) order by 1 on conflict do nothing', [
    roles,
  ]);
}

/** The tenant is being re-evaluated right now: the person's account follows as soon as that is done. */
const requestUserSql = prepared(
  'insert into reevaluation (tenant, user_id, group_id, cause, causation_id, traceparent) values ($1, $2, $3, $4, $5, $6)',
);

export async function requestUserReevaluation(
  queryable: Queryable,
  tenant: string,
  user: string,
  cause: Cause,
  traceparent: string | null,
): Promise<void> {
  await queryable.query(requestUserSql, [tenant, user, cause.groupId, cause.type, cause.causationId, traceparent]);
}

export async function requestTenantReevaluation(
  queryable: Queryable,
  tenant: string,
  cause: Cause,
  traceparent: string | null,
): Promise<void> {
  await queryable.query(
    'insert into reevaluation (tenant, group_id, cause, causation_id, traceparent) values ($1, null, $2, $3, $4)',
    [tenant, cause.type, cause.causationId, traceparent],
  );
}
