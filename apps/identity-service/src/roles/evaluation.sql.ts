/** What accounts should be, derived set-based from the projection; and how the result is written back. */
import { prepared, type Queryable } from '#platform';

/**
 * Everybody who changes accounts of a tenant one by one holds this shared until commit; a re-evaluation of many holds
 * it alone. So no account can slip between the rows that a re-evaluation sees and those that a concurrent transaction
 * derived from the older mapping. A statement of its own: the snapshot of the next one must be taken with the lock.
 * Event handlers never wait for it: their transaction carries events of other tenants too.
 */
const tryLockTenantShared = prepared(
  `select pg_try_advisory_xact_lock_shared(hashtextextended('identity:' || $1::text, 0)) as free`,
);
export const lockTenantAlone = `select pg_advisory_xact_lock(hashtextextended('identity:' || $1::text, 0))`;

/** False = the tenant is being re-evaluated: ask for what has to be evaluated. */
export async function tryLockTenant(queryable: Queryable, tenant: string): Promise<boolean> {
  const [lock] = await queryable.query<{ free: boolean }>(tryLockTenantShared, [tenant]);
  return lock?.free ?? false;
}

/**
 * Locks the account rows in the order of their ids (so that two of these never deadlock) against the reconciler's
 * records, and reads beside each what the directory says and which roles the mappings in force give.
 */
const subjects = (where: string): string => `
  select a.id, a.tenant, a.user_name, a.external_id, a.email, a.display_name, a.given_name, a.family_name,
         a.status, a.assigned_roles, a.roles, a.version, a.priority, a.told_status, a.told_case,
         a.provisioned_at is not null as provisioned, a.desired_revision > a.applied_revision as dirty,
         u.user_name as d_user_name, u.external_id as d_external_id, u.email as d_email, u.display_name as d_display_name,
         u.given_name as d_given_name, u.family_name as d_family_name, u.active as d_active, u.deleted as d_deleted,
         coalesce((s.settings ->> 'groupSync')::boolean, true) as group_sync,
         s.version as settings_version, s.settings -> 'roles' as roles_of_tenant, s.settings -> 'brake' as brake, s.settings ? 'brake' as has_brake,
         h.would_lose, h.held_because, h.cause as held_cause, h.cause_group as held_group, h.causation_id as held_causation_id, h.released_at is not null as released,
         w.status as access_status, w.causation_id as access_causation_id, c.sequence as closing_sequence, c.details as closing,
         coalesce(r.derived, '[]') as derived
    from account a
    join directory_user u on u.id = a.id and u.tenant = a.tenant
    left join tenant_settings s on s.tenant_id = a.tenant
    left join held_role_loss h on h.account_id = a.id
    left join access w on w.account_id = a.id and w.tenant = a.tenant
    left join lateral (
      select sequence, details from closing c
       where c.account_id = a.id and c.tenant = a.tenant and c.causation_id = w.causation_id and w.status <> 'active'
       order by sequence desc limit 1
    ) c on true
    left join lateral (
      select jsonb_agg(jsonb_build_object('role', g.role, 'groups', g.groups) order by g.precedence) as derived
        from (select m.role, min(m.precedence) as precedence, array_agg(distinct d.id order by d.id) as groups
                from membership b
                join directory_group d on d.id = b.group_id and d.tenant = a.tenant and not d.deleted
                join role_mapping m on m.tenant = a.tenant and m.group_key in (d.name_key, 'id:' || d.id)
               where b.user_id = a.id and b.tenant = a.tenant
               group by m.role) g
    ) r on true
   where a.tenant = $1 and ${where}
   order by a.id
     for update of a`;

export const subjectsById = prepared(subjects('a.id = any($2::uuid[])'));

/** Whether more accounts of the tenant wait for Cognito than single changes would explain. */
export const tenantHasBacklog = prepared(`
  select count(*) >= $2 as backlog from (select 1 from account where tenant = $1 and desired_revision > applied_revision limit $2) d`);

/**
 * `$5`: the ids once more; Postgres takes a list of records for a hundred and would read every row.
 * Row locks are held already. Marks the accounts dirty for the reconciler: a change makes a failed account due at once.
 */
export const applyTransitions = prepared(`
  with revoked as (
    update role_grant g
       set revoked_at = clock_timestamp(), revoked_cause = r.cause, revoked_group = r.group_id, revoked_causation_id = r.causation_id, revoked_mapping_version = r.mapping_version
      from jsonb_to_recordset($2::jsonb) as r(account_id uuid, role text, cause text, group_id uuid, causation_id text, mapping_version bigint)
     where g.account_id = r.account_id and g.role = r.role and g.revoked_at is null and g.account_id = any($5::uuid[])
  ), granted as (
    insert into role_grant (tenant, account_id, role, granted_cause, granted_group, granted_causation_id, granted_mapping_version)
    select tenant, account_id, role, cause, group_id, causation_id, mapping_version
      from jsonb_to_recordset($3::jsonb) as g(tenant uuid, account_id uuid, role text, cause text, group_id uuid, causation_id text, mapping_version bigint)
  )
  update account a
     set user_name = i.user_name, external_id = i.external_id, email = i.email, display_name = i.display_name,
         given_name = i.given_name, family_name = i.family_name, status = i.status,
         assigned_roles = i.assigned_roles, roles = i.roles, version = i.version,
         told_status = i.told_status, told_case = i.told_case,
         priority = i.priority, updated_at = clock_timestamp(), desired_revision = a.desired_revision + 1, attempts = 0,
         dirty_since = case when a.desired_revision > a.applied_revision then a.dirty_since else clock_timestamp() end,
         next_attempt_at = case when a.desired_revision > a.applied_revision then least(a.next_attempt_at, clock_timestamp()) else clock_timestamp() end,
         traceparent = $4, causation_id = i.causation_id
    from jsonb_to_recordset($1::jsonb) as i(id uuid, user_name text, external_id text, email text, display_name text, given_name text, family_name text,
         status text, assigned_roles text[], roles text[], version bigint, told_status text, told_case bigint, priority smallint, causation_id text)
   where a.id = i.id and a.id = any($5::uuid[])`);
