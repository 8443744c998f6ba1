/** The tables of `identity`: what the directory told, the accounts that follow from it, and why each role was granted. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { consumerTablesSql, producerTablesSql } from '#event-bus';
import { settingsTableSql } from '#settings';

export class Accounts1764000000000 implements MigrationInterface {
  readonly name = 'Accounts1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(producerTablesSql('identity'));
    await runner.query(consumerTablesSql('identity'));
    await runner.query(settingsTableSql('identity'));
    for (const sql of [PROJECTION, ACCOUNT, GRANTS, WORK]) await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('The first migration has no way back; drop the schema instead.');
  }
}

/** Copies of facts that scim-gateway and the hub own. */
const PROJECTION = `
  create table identity.directory_user (
    id uuid primary key,
    tenant uuid not null,
    version bigint not null,
    user_name text not null,
    external_id text,
    active boolean not null,
    deleted boolean not null default false,
    display_name text,
    given_name text,
    family_name text,
    email text
  );
  create table identity.directory_group (
    id uuid primary key,
    tenant uuid not null,
    version bigint not null,
    display_name text not null,
    -- as mappings compare names: without regard to case
    name_key text not null,
    -- a tombstone stays, so that a late event about a member does not bring the group back
    deleted boolean not null default false
  );
  create index on identity.directory_group (tenant, name_key);
  create table identity.membership (
    user_id uuid not null,
    group_id uuid not null,
    tenant uuid not null,
    primary key (user_id, group_id)
  );
  create index on identity.membership (group_id);
  create table identity.role_mapping (
    tenant uuid not null,
    group_key text not null,
    role text not null,
    precedence int not null,
    primary key (tenant, group_key, role)
  );
  -- Every role that any tenant ever had: the Cognito groups that are ours.
  create table identity.known_role (role text primary key);`;

/**
 * One row per account: what we published, what Cognito shall hold, and what it was last known to hold.
 * dirty = desired_revision > applied_revision.
 */
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
    access_version bigint not null default 0,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    provisioned_at timestamptz,

    desired_revision bigint not null default 0,
    applied_revision bigint not null default 0,
    -- null = not known: read Cognito before changing anything
    applied jsonb default '{"exists": false}',
    priority smallint not null default 1 check (priority between 0 and 2),
    dirty_since timestamptz,
    next_attempt_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    last_error text,
    last_error_class text,
    lease_owner uuid,
    -- what made it dirty last: goes on in spans and events
    causation_id text not null default 'unknown',
    traceparent text,
    -- a result that was computed before this revision is recorded, but not believed
    distrust_revision bigint not null default 0,
    synced_at timestamptz
  ) with (fillfactor = 60);
  create index account_due on identity.account (priority, next_attempt_at) where desired_revision > applied_revision;
  create index account_dirty_by_tenant on identity.account (tenant) where desired_revision > applied_revision;
  create index account_leased on identity.account (lease_owner) where lease_owner is not null;
  create index account_by_tenant on identity.account (tenant, id);
  create index account_by_user_name on identity.account (tenant, lower(user_name));
  create index account_by_external_id on identity.account (tenant, external_id);`;

/** One row per grant of a role in effect; open while revoked_at is null. */
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
  create index role_grant_by_account on identity.role_grant (account_id, id);`;

const WORK = `
  -- Accounts whose roles must be derived again, because a group or the settings changed; one row per change.
  create table identity.reevaluation (
    id bigint generated always as identity primary key,
    tenant uuid not null,
    -- null = every account of the tenant
    group_id uuid,
    cause text not null,
    causation_id text not null,
    traceparent text,
    requested_at timestamptz not null default clock_timestamp()
  );
  create index on identity.reevaluation (tenant, id);
  -- Processes that reconcile; a lease is worth as much as its owner's last sign of life.
  create table identity.worker (id uuid primary key, seen_at timestamptz not null default clock_timestamp());
  create table identity.compare_run (
    id uuid primary key,
    worker_id uuid not null,
    state text not null check (state in ('running', 'done', 'failed')),
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    progress jsonb not null,
    error text
  );
  create unique index compare_run_one on identity.compare_run ((true)) where state = 'running';`;
