/** Stores what scim-gateway publishes. A write changes nothing if the row already has a newer version. */
import type { DirectoryGroup, DirectoryUser } from '#events';
import { prepared, type Tx } from '#platform';
import { groupKey } from '#settings';
import type { Change } from '../accounts/reevaluation.sql.js';
import { pinMapped } from '../pins/pins.sql.js';
import type { RoleMappingEntity } from './directory.entity.js';
import { PROFILE, profileSql, type Profile } from './profile.entity.js';

const COLUMNS = profileSql((column) => column);

/**
 * Stores a user and locks the row. The event lists all groups of the user, so missed events do not matter. The first
 * event about a person creates the account.
 */
const projectUserSql = prepared(`
  with stored as (
    insert into directory_user as u (id, tenant, version, active, deleted, ${COLUMNS})
    values ($1, $2, $3, $4, $5, ${profileSql((_column, _property, i) => `$${i + 7}`)})
    on conflict (id) do update
      set version = excluded.version, active = excluded.active, deleted = excluded.deleted,
          ${profileSql((column) => `${column} = excluded.${column}`)}
      where u.version < excluded.version and u.tenant = excluded.tenant and not u.deleted
    returning id, tenant, ${COLUMNS}
  ), gone as (
    delete from membership m using stored where m.user_id = stored.id and m.group_id <> all($6::uuid[])
  ), added as (
    insert into membership (user_id, group_id, tenant)
    select stored.id, g.id, $2 from stored cross join unnest($6::uuid[]) as g(id)
    on conflict do nothing
  ), made as (
    insert into account (id, tenant, ${COLUMNS}) select * from stored
    on conflict (id) do nothing
  )
  select id from stored`);

/** `stale`: this version or a newer one is already stored. `foreign`: the id belongs to another tenant. */
export async function projectUser(
  tx: Tx,
  tenant: string,
  version: number,
  user: DirectoryUser,
  deleted: boolean,
): Promise<'stored' | 'stale' | 'foreign'> {
  const profile: Profile = { ...user, ...user.name };
  const values = PROFILE.map((name) => profile[name]);
  const parameters = [user.id, tenant, version, user.active, deleted, deleted ? [] : user.groups, ...values];
  if ((await tx.query(projectUserSql, parameters)).length > 0) return 'stored';
  const [owner] = await tx.query<{ tenant: string }>('select tenant from directory_user where id = $1', [user.id]);
  return owner && owner.tenant !== tenant ? 'foreign' : 'stale';
}

/**
 * Locks the row only if the event is newer. Otherwise the events of people who join one group would wait for each
 * other. If the group is new, renamed or deleted, the statement also requests a re-evaluation of its members.
 */
const projectGroupSql = prepared(`
  with before as (
    select version, name_key, deleted from directory_group where id = $1
  ), stored as (
    insert into directory_group as g (id, tenant, version, display_name, name_key, deleted, causation_id)
    select $1::uuid, $2::uuid, $3::bigint, $4, $5, $6::boolean, $8::text
     where not exists (select 1 from before where version >= $3 or deleted)
    on conflict (id) do update
      set version = excluded.version, display_name = excluded.display_name, name_key = excluded.name_key, deleted = excluded.deleted,
          renamed = g.renamed or g.name_key <> excluded.name_key, causation_id = excluded.causation_id
      where g.version < excluded.version and g.tenant = excluded.tenant and not g.deleted
    returning g.name_key, g.deleted
  )
  insert into reevaluation (tenant, group_id, cause, causation_id, traceparent)
  select $2, $1, $7, $8, $9 from stored left join before on true
   where before.name_key is distinct from stored.name_key or before.deleted is distinct from stored.deleted
  returning id`);

/** Resolves with true if a re-evaluation of the members was requested. */
export async function projectGroup(
  tx: Tx,
  tenant: string,
  { id, version, displayName }: DirectoryGroup,
  deleted: boolean,
  { cause, traceparent }: Change,
): Promise<boolean> {
  const group = [id, tenant, version, displayName, groupKey({ name: displayName }), deleted];
  const rows = await tx.query(projectGroupSql, [...group, cause.type, cause.causationId, traceparent]);
  return rows.length > 0;
}

/**
 * The caller has locked the tenant's settings row, so two versions of the mappings cannot interleave. `newNames` are the
 * keys of the names that this version maps for the first time.
 */
export async function replaceMappings(
  tx: Tx,
  tenant: string,
  roles: readonly string[],
  mappings: readonly Omit<RoleMappingEntity, 'tenant'>[],
  newNames: readonly string[],
): Promise<void> {
  await tx.query('delete from role_mapping where tenant = $1', [tenant]);
  await tx.query(
    `insert into role_mapping (tenant, group_key, role, precedence)
     select $1, m."groupKey", m.role, m.precedence from jsonb_to_recordset($2::jsonb) as m("groupKey" text, role text, precedence int)
     on conflict do nothing`,
    [tenant, JSON.stringify(mappings)],
  );
  await tx.query(pinMapped, [tenant, newNames]);
  await tx.query('insert into known_role (role) select distinct unnest($1::text[]) order by 1 on conflict do nothing', [
    roles,
  ]);
}
