/** Stores what scim-gateway publishes. A write changes nothing if the row already has a newer version. */
import type { DirectoryGroup, DirectoryUser } from '#events';
import { prepared, type Tx } from '#platform';
import { groupKey } from '#settings';
import type { Change } from '../accounts/reevaluation.sql.js';
import { pinMapped } from '../pins/pins.sql.js';
import type { DirectoryGroupEntity, RoleMappingEntity } from './directory.entity.js';
import { PROFILE, profileSql, type Profile } from './profile.entity.js';

const COLUMNS = profileSql((column) => column);

/**
 * Stores a user and locks the row. The first event about a person creates the account. A deleted user is in no group;
 * the statement leaves a membership that another transaction is changing, because it gives a deleted user nothing.
 */
const projectUserSql = prepared(`
  with stored as (
    insert into directory_user as u (id, tenant, version, active, deleted, ${COLUMNS})
    values ($1, $2, $3, $4, $5, ${profileSql((_column, _property, i) => `$${i + 6}`)})
    on conflict (id) do update
      set version = excluded.version, active = excluded.active, deleted = excluded.deleted,
          ${profileSql((column) => `${column} = excluded.${column}`)}
      where u.version < excluded.version and u.tenant = excluded.tenant and not u.deleted
    returning id, tenant, ${COLUMNS}
  ), gone as (
    delete from membership where (group_id, user_id) in (
      select m.group_id, m.user_id from membership m join stored on m.user_id = stored.id where $5::boolean for update of m skip locked)
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
  const parameters = [user.id, tenant, version, user.active, deleted, ...values];
  if ((await tx.query(projectUserSql, parameters)).length > 0) return 'stored';
  const [owner] = await tx.query<{ tenant: string }>('select tenant from directory_user where id = $1', [user.id]);
  return owner && owner.tenant !== tenant ? 'foreign' : 'stale';
}

/**
 * Changes and locks the row only if the event is newer. If the group is new, renamed or deleted, the statement also
 * requests a re-evaluation, which decides whether the group's members are needed. A group that begins with its first
 * event has no earlier members to load.
 */
const projectGroupSql = prepared(`
  with before as (
    select version, name_key, deleted from directory_group where id = $1
  ), stored as (
    insert into directory_group as g (id, tenant, version, display_name, name_key, deleted, causation_id, members)
    select $1::uuid, $2::uuid, $3::bigint, $4, $5, $6::boolean, $8::text,
           case when $3 = 1 and exists (select 1 from role_mapping m where m.tenant = $2 and m.group_key in ($5, 'id:' || $1)) then 'complete' else 'unknown' end
     where not exists (select 1 from before where version >= $3 or deleted)
    on conflict (id) do update
      set version = excluded.version, display_name = excluded.display_name, name_key = excluded.name_key, deleted = excluded.deleted,
          renamed = g.renamed or g.name_key <> excluded.name_key, causation_id = excluded.causation_id
      where g.version < excluded.version and g.tenant = excluded.tenant and not g.deleted
    returning g.name_key, g.deleted, g.members
  ), requested as (
    insert into reevaluation (tenant, group_id, cause, causation_id, traceparent)
    select $2, $1, $7, $8, $9 from stored left join before on true
     where before.name_key is distinct from stored.name_key or before.deleted is distinct from stored.deleted
    returning 1
  )
  select stored.members, before.version < $3 - 1 and not stored.deleted as missed, exists (select 1 from requested) as requested
    from stored left join before on true`);

export interface ProjectedGroup {
  readonly members: DirectoryGroupEntity['members'];
  /** Whether the sequence numbers show that an event was left out. */
  readonly missed: boolean;
  /** Whether a re-evaluation was requested. */
  readonly requested: boolean;
}

/** Resolves with null if the event is not newer, or if the id belongs to another tenant. */
export async function projectGroup(
  tx: Tx,
  tenant: string,
  { id, version, displayName }: DirectoryGroup,
  deleted: boolean,
  { cause, traceparent }: Change,
): Promise<ProjectedGroup | null> {
  const group = [id, tenant, version, displayName, groupKey({ name: displayName }), deleted];
  const [row] = await tx.query<ProjectedGroup>(projectGroupSql, [...group, cause.type, cause.causationId, traceparent]);
  return row ?? null;
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
