/** Creates all tables of the schema `identity`. The entities describe the columns. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { consumerTablesSql, producerTablesSql } from '#event-bus';
import { settingsTableSql } from '#settings';
import { byTenantId, consumerTables, tenantErasureSql, workerTableSql } from '#worker';

export class Identity1764000000000 implements MigrationInterface {
  readonly name = 'Identity1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    const shared = [producerTablesSql, consumerTablesSql, settingsTableSql, workerTableSql];
    for (const sql of shared) await runner.query(sql('identity'));
    for (const sql of [DIRECTORY, ACCESS, ACCOUNT, GRANTS, BRAKE, WORK]) await runner.query(sql);
    await runner.query(tenantErasureSql('identity', [...ERASED, ...consumerTables, SETTINGS]));
  }

  async down(): Promise<void> {
    throw new Error('The first migration cannot be undone; drop the schema instead.');
  }
}

const ERASED = [
  'role_grant',
  'held_role_loss',
  'account',
  'directory_user',
  'membership_load',
  'directory_group',
  'membership',
  'role_mapping',
  'group_pin',
  'access',
  'offboarding_case',
  'reevaluation',
].map((table) => ({ table }));
const SETTINGS = { table: 'tenant_settings', where: byTenantId };

const DIRECTORY = `
  create table identity.directory_user (
    id uuid primary key,
    tenant uuid not null,
    version bigint not null,
    user_name text not null,
    external_id text,
    email text,
    display_name text,
    given_name text,
    family_name text,
    active boolean not null,
    deleted boolean not null default false
  );
  create table identity.directory_group (
    id uuid primary key,
    tenant uuid not null,
    version bigint not null,
    display_name text not null,
    name_key text not null,
    deleted boolean not null default false,
    renamed boolean not null default false,
    causation_id text not null default 'unknown',
    members text not null default 'unknown' check (members in ('unknown', 'loading', 'complete'))
  );
  create index on identity.directory_group (tenant, name_key);
  create index directory_group_mapped on identity.directory_group (tenant) where members <> 'unknown';
  create table identity.membership (
    tenant uuid not null,
    group_id uuid not null,
    user_id uuid not null,
    primary key (group_id, user_id)
  );
  create index on identity.membership (user_id);
  create table identity.membership_load (
    group_id uuid primary key references identity.directory_group (id),
    tenant uuid not null,
    after uuid,
    until_version bigint,
    cause text not null,
    cause_group uuid,
    causation_id text not null,
    traceparent text,
    requested_at timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    last_error text
  );
  create table identity.role_mapping (
    tenant uuid not null,
    group_key text not null,
    role text not null,
    precedence int not null,
    primary key (tenant, group_key, role)
  );
  create table identity.known_role (role text primary key);
  create table identity.group_pin (
    tenant uuid not null,
    name_key text not null,
    group_id uuid not null,
    pinned_at timestamptz not null default clock_timestamp(),
    confirmed boolean not null,
    confirmed_by text,
    predecessor uuid,
    primary key (tenant, name_key)
  );
  create index on identity.group_pin (group_id);`;

const ACCESS = `
  create table identity.access (
    account_id uuid primary key,
    tenant uuid not null,
    version bigint not null,
    status text not null check (status in ('active', 'inactive', 'removed')),
    causation_id text not null
  );
  create table identity.offboarding_case (
    id uuid primary key,
    tenant uuid not null,
    account_id uuid not null,
    sequence bigint not null,
    causation_id text not null,
    details jsonb not null
  );
  create index on identity.offboarding_case (account_id, causation_id);`;

const ACCOUNT = `
  create table identity.account (
    id uuid primary key,
    tenant uuid not null,
    user_name text not null,
    external_id text,
    email text,
    display_name text,
    given_name text,
    family_name text,
    status text not null default 'inactive' check (status in ('active', 'inactive', 'removed')),
    assigned_roles text[] not null default '{}',
    roles text[] not null default '{}',
    version bigint not null default 0,
    announced_status text check (announced_status in ('active', 'inactive', 'removed')),
    announced_case bigint not null default 0,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    provisioned_at timestamptz,
    erased_at timestamptz,

    desired_revision bigint not null default 0,
    applied_revision bigint not null default 0,
    unknown_revision bigint not null default 0,
    applied jsonb default '{"exists": false}',
    priority smallint not null default 1 check (priority between 0 and 2),
    dirty_since timestamptz,
    next_attempt_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    last_error text,
    last_error_class text,
    lease_owner uuid,
    causation_id text not null default 'unknown',
    traceparent text,
    synced_at timestamptz
  ) with (fillfactor = 60);
  create index account_due on identity.account (tenant, priority, next_attempt_at) where desired_revision > applied_revision;
  create index account_leased on identity.account (lease_owner) where lease_owner is not null;
  create index account_by_tenant on identity.account (tenant, id);
  create index account_by_user_name on identity.account (tenant, lower(user_name), id);
  create index account_by_external_id on identity.account (tenant, external_id);
  -- Removed people whose data is not erased yet.
  create index account_with_profile on identity.account (tenant) where status = 'removed' and user_name <> '';
  create index account_to_erase on identity.account (tenant, updated_at) where status = 'removed' and erased_at is null;`;

const GRANTS = `
  create table identity.role_grant (
    id bigint generated always as identity primary key,
    tenant uuid not null,
    account_id uuid not null references identity.account (id),
    role text not null,
    granted_at timestamptz not null default clock_timestamp(),
    granted_cause text not null,
    granted_group uuid,
    granted_causation_id text not null,
    granted_mapping_version bigint,
    revoked_at timestamptz,
    revoked_cause text,
    revoked_group uuid,
    revoked_causation_id text,
    revoked_mapping_version bigint
  );
  create unique index role_grant_open on identity.role_grant (account_id, role) where revoked_at is null;
  create index role_grant_by_account on identity.role_grant (account_id, id);
  create index role_grant_revoked on identity.role_grant (tenant, revoked_at) where revoked_at is not null;`;

const BRAKE = `
  create table identity.held_role_loss (
    account_id uuid primary key references identity.account (id),
    tenant uuid not null,
    would_lose text[] not null,
    held_because text not null check (held_because in ('threshold', 'last_admin')),
    held_at timestamptz not null default clock_timestamp(),
    held_until timestamptz not null,
    cause text not null,
    cause_group uuid,
    causation_id text not null,
    released_at timestamptz,
    released_by text
  );
  create index held_role_loss_waiting on identity.held_role_loss (tenant, held_at) where released_at is null;`;

const WORK = `
  create table identity.reevaluation (
    id bigint generated always as identity primary key,
    tenant uuid not null,
    user_ids uuid[],
    group_id uuid,
    cause text not null,
    causation_id text not null,
    traceparent text
  );
  create index on identity.reevaluation (tenant, id);
  create table identity.pool_comparison (
    id uuid primary key,
    worker_id uuid not null,
    state text not null check (state in ('running', 'done', 'failed')),
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    progress jsonb not null,
    error text
  );
  create unique index pool_comparison_one on identity.pool_comparison ((true)) where state = 'running';`;
