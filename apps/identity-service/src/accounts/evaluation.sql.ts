/** Reads many accounts with everything that an evaluation needs, and writes the results of the evaluations. */
import type { TenantSettings } from '#events';
import { columnsOf, currentTraceparent, prepared, type Tx } from '#platform';
import { brakeOf } from '#settings';
import { DirectoryUserEntity } from '../directory/directory.entity.js';
import { PROFILE, profileSql } from '../directory/profile.entity.js';
import { pinGivesRole } from '../pins/pins.sql.js';
import { AccountEntity } from './account.entity.js';
import type { Cause, Subject } from './subject.js';
import type { Transition } from './transition.js';

const CURRENT = columnsOf(AccountEntity, {
  alias: 'a',
  only: [...PROFILE, 'status', 'assignedRoles', 'roles', 'version', 'priority', 'announcedStatus', 'announcedCase'],
});
const DIRECTORY = columnsOf(DirectoryUserEntity, { alias: 'u', only: [...PROFILE, 'active', 'deleted'] });

/**
 * Reads each account with its directory user, its access, and the roles that the current mappings give. While the
 * members of a group are not known, an account counts as a member if it already has the group's role, so that nobody
 * loses a role because a membership has not been read yet. The roles are collected for all accounts together: with a plan
 * from a time when `membership` was small, Postgres would otherwise read the whole table for each account.
 *
 * Locks the accounts in the order of their ids, so that two of these statements never deadlock. While the locks are
 * held, the reconciler cannot record results.
 */
const subjectsSql = prepared(`
  with own as materialized (
    select group_id, user_id from membership where tenant = $1 and user_id = any($2::uuid[])
  ), named as (
    select d.id, d.members, d.deleted, m.role, m.precedence, n.confirmed, n.predecessor from role_mapping m
      join group_pin n on n.tenant = m.tenant and n.name_key = m.group_key
      join directory_group d on d.tenant = n.tenant and d.id = n.group_id where m.tenant = $1
    union all
    select d.id, d.members, d.deleted, m.role, m.precedence, null, null from role_mapping m
      join directory_group d on d.tenant = m.tenant and d.id = case when m.group_key like 'id:%' then substr(m.group_key, 4)::uuid end where m.tenant = $1
  ), mapped as (
    select id, members, role, precedence, confirmed, predecessor from named
     where not deleted and (members <> 'complete' or id in (select group_id from own))
  ), given as (
    select o.user_id, g.role, g.precedence, g.id from own o join mapped g on g.id = o.group_id
     where ${pinGivesRole('g', 'o.user_id')}
    union
    select k.id, g.role, g.precedence, g.id from mapped g
      join account k on k.tenant = $1 and k.id = any($2::uuid[]) and g.role = any(k.assigned_roles) where g.members <> 'complete'
  ), derived as (
    select user_id, jsonb_agg(jsonb_build_object('role', role, 'groups', groups) order by precedence) as roles
      from (select user_id, role, min(precedence) as precedence, array_agg(id order by id) as groups from given group by user_id, role) g
     group by user_id
  ), of_each as (
    select jsonb_object_agg(user_id, roles) as derived from derived
  )
  select a.id, a.tenant,
         (select to_jsonb(r) from (select ${CURRENT}, a.provisioned_at is not null as provisioned, a.desired_revision > a.applied_revision as dirty) r) as current,
         (select to_jsonb(r) from (select ${DIRECTORY}) r) as directory,
         case when w.account_id is not null then jsonb_build_object('status', w.status, 'causationId', w.causation_id) end as access,
         (select jsonb_build_object('sequence', c.sequence, 'details', c.details) from offboarding_case c
           where c.account_id = a.id and c.tenant = a.tenant and c.causation_id = w.causation_id and w.status <> 'active'
           order by c.sequence desc limit 1) as offboarding,
         case when h.account_id is not null then jsonb_build_object('wouldLose', h.would_lose, 'because', h.held_because, 'released', h.released_at is not null,
              'cause', jsonb_build_object('type', h.cause, 'groupId', h.cause_group, 'causationId', h.causation_id)) end as held,
         s.version::float8 as "settingsVersion", s.settings - '{roleMappings,tenant,okta,sso}'::text[] as settings,
         coalesce((select derived from of_each) -> a.id::text, '[]') as derived
    from account a
    join directory_user u on u.id = a.id and u.tenant = a.tenant
    left join tenant_settings s on s.tenant_id = a.tenant
    left join held_role_loss h on h.account_id = a.id
    left join access w on w.account_id = a.id and w.tenant = a.tenant
   where a.tenant = $1 and a.id = any($2::uuid[])
   order by a.id
     for update of a`);

interface SubjectRow extends Omit<Subject, 'rules'> {
  readonly settings: Pick<TenantSettings, 'groupSync' | 'roles' | 'brake'> | null;
  readonly settingsVersion: number | null;
}

export async function lockSubjects(tx: Tx, tenant: string, ids: readonly string[]): Promise<Subject[]> {
  const rows = await tx.query<SubjectRow>(subjectsSql, [tenant, ids]);
  return rows.map(({ settings, settingsVersion, ...row }) => ({
    ...row,
    rules: {
      groupSync: settings?.groupSync ?? true,
      version: settingsVersion,
      roles: settings?.roles ?? [],
      brake: settings && brakeOf(settings),
    },
  }));
}

const backlogSql = prepared(`
  select count(*) >= $2 as backlog from (select 1 from account where tenant = $1 and desired_revision > applied_revision limit $2) d`);

/** Resolves with true if at least `limit` accounts of the tenant wait for Cognito. */
export async function hasBacklog(tx: Tx, tenant: string, limit: number): Promise<boolean> {
  const [row] = await tx.query<{ backlog: boolean }>(backlogSql, [tenant, limit]);
  return row?.backlog ?? false;
}

/**
 * Writes the results; the caller has locked the rows. The accounts are then due at once, even if an earlier call to
 * Cognito failed. `$5` repeats the ids, because Postgres would otherwise read the whole table.
 */
const applySql = prepared(`
  with revoked as (
    update role_grant g
       set revoked_at = clock_timestamp(), revoked_cause = r.cause, revoked_group = r."group", revoked_causation_id = r."causationId", revoked_mapping_version = r."mappingVersion"
      from jsonb_to_recordset($2::jsonb) as r(account uuid, role text, cause text, "group" uuid, "causationId" text, "mappingVersion" bigint)
     where g.account_id = r.account and g.role = r.role and g.revoked_at is null and g.account_id = any($5::uuid[])
  ), granted as (
    insert into role_grant (tenant, account_id, role, granted_cause, granted_group, granted_causation_id, granted_mapping_version)
    select tenant, account, role, cause, "group", "causationId", "mappingVersion"
      from jsonb_to_recordset($3::jsonb) as g(tenant uuid, account uuid, role text, cause text, "group" uuid, "causationId" text, "mappingVersion" bigint)
  )
  update account a
     set ${profileSql((column, property) => `${column} = i."${property}"`)},
         status = i.status, assigned_roles = i."assignedRoles", roles = i.roles, version = i.version,
         announced_status = i."announcedStatus", announced_case = i."announcedCase", priority = i.priority, causation_id = i."causationId",
         traceparent = $4, updated_at = clock_timestamp(), desired_revision = a.desired_revision + 1, attempts = 0,
         dirty_since = case when a.desired_revision > a.applied_revision then a.dirty_since else clock_timestamp() end,
         next_attempt_at = case when a.desired_revision > a.applied_revision then least(a.next_attempt_at, clock_timestamp()) else clock_timestamp() end
    from jsonb_to_recordset($1::jsonb) as i(id uuid, ${profileSql((_, property) => `"${property}" text`)}, status text, "assignedRoles" text[], roles text[],
         version bigint, "announcedStatus" text, "announcedCase" bigint, priority smallint, "causationId" text)
   where a.id = i.id and a.id = any($5::uuid[])`);

export interface AccountChange {
  readonly subject: Subject;
  readonly next: Transition;
}

export async function applyTransitions(tx: Tx, changes: readonly AccountChange[]): Promise<void> {
  const states = changes.map(({ subject: { id }, next: { profile, cause, ...next } }) => ({
    id,
    ...profile,
    status: next.status,
    assignedRoles: next.assignedRoles,
    roles: next.roles,
    version: next.version,
    announcedStatus: next.announcedStatus,
    announcedCase: next.announcedCase,
    priority: next.priority,
    causationId: cause.causationId,
  }));
  const revoked = changes.flatMap(({ subject, next: { revoked: roles, cause } }) =>
    roles.map((role) => grantRow(subject, cause, role, cause.groupId)),
  );
  const granted = changes.flatMap(({ subject, next }) =>
    next.granted.map(({ role, group }) => grantRow(subject, next.cause, role, group)),
  );
  await tx.query(applySql, [
    JSON.stringify(states),
    JSON.stringify(revoked),
    JSON.stringify(granted),
    currentTraceparent(),
    states.map(({ id }) => id),
  ]);
}

const grantRow = ({ id, tenant, rules }: Subject, cause: Cause, role: string, group: string | null) => ({
  tenant,
  account: id,
  role,
  cause: cause.type,
  group,
  causationId: cause.causationId,
  mappingVersion: rules.version,
});
