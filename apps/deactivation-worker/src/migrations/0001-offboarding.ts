/** Creates the tables of the schema `offboarding`. The entities describe the columns. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { consumerTablesSql, producerTablesSql } from '#event-bus';
import { settingsTableSql } from '#settings';
import { byTenantId, consumerTables, tenantErasureSql, workerTableSql } from '#worker';

export class Offboarding1764200000000 implements MigrationInterface {
  readonly name = 'Offboarding1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(producerTablesSql('offboarding'));
    await runner.query(consumerTablesSql('offboarding'));
    await runner.query(settingsTableSql('offboarding'));
    await runner.query(workerTableSql('offboarding'));
    for (const sql of [PERSON, CASE, OKTA_HINT, OKTA_CHECK, OKTA_COMPARISON]) await runner.query(sql);
    await runner.query(tenantErasureSql('offboarding', [...ERASED, ...consumerTables, SETTINGS]));
  }

  async down(): Promise<void> {
    throw new Error('The first migration cannot be undone; drop the schema instead.');
  }
}

const ERASED = ['offboarding_case', 'person', 'okta_hint', 'okta_check', 'okta_comparison'].map((table) => ({ table }));
const SETTINGS = { table: 'tenant_settings', where: byTenantId };

const PERSON = `
  create table offboarding.person (
    id uuid primary key,
    tenant uuid not null,
    directory_version bigint not null default 0,
    user_name text not null default '',
    external_id text,
    display_name text,
    active boolean not null default false,
    deleted boolean not null default false,
    account_version bigint not null default 0,
    provisioned boolean not null default false,
    roles text[] not null default '{}',
    okta_state text,
    okta_state_at timestamptz,
    desired_access text not null default 'disabled' check (desired_access in ('enabled', 'disabled')),
    revision bigint not null default 0,
    access_version bigint not null default 0,
    published_status text check (published_status in ('active', 'inactive', 'removed')),
    published_roles text[] not null default '{}',
    not_before timestamptz,
    case_version bigint not null default 0,
    actual_access text check (actual_access in ('enabled', 'disabled')),
    sign_out_due boolean not null default false,
    late_calls_until timestamptz,
    due_at timestamptz,
    lease_owner uuid,
    attempts int not null default 0,
    last_error text,
    last_error_class text,
    causation_id text not null default '',
    traceparent text,
    updated_at timestamptz not null default clock_timestamp()
  ) with (fillfactor = 60);
  create index person_due on offboarding.person (tenant, due_at) where due_at is not null;
  -- People that Cognito may still let in are found without reading those whose sign-out waits for its quota.
  create index person_urgent on offboarding.person (tenant, due_at)
   where due_at is not null and desired_access = 'disabled' and actual_access is distinct from 'disabled';
  create index person_leased on offboarding.person (lease_owner) where lease_owner is not null;
  create index person_by_user_name on offboarding.person (tenant, lower(user_name));
  create index person_by_external_id on offboarding.person (tenant, external_id);
  -- Deleted people whose data is not erased yet.
  create index person_with_profile on offboarding.person (tenant) where deleted and (external_id is not null or display_name is not null);
  create index person_to_erase on offboarding.person (tenant, updated_at) where deleted and user_name <> '';
  -- What the brake counts: how many have access, and who has the strongest role.
  create index person_with_access on offboarding.person (tenant, (roles[1])) where desired_access = 'enabled' and provisioned;`;

const CASE = `
  create table offboarding.offboarding_case (
    id uuid primary key default uuidv7(),
    tenant uuid not null,
    account_id uuid not null references offboarding.person (id),
    state text not null default 'new' check (state in ('new', 'held', 'running', 'completed', 'superseded', 'discarded')),
    cause text not null,
    causation_id text not null,
    traceparent text,
    counts boolean not null default false,
    held_because text check (held_because in ('threshold', 'last_admin')),
    held_until timestamptz,
    released_by text,
    pushed_at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    held_at timestamptz,
    held_signed_out_at timestamptz,
    held_sessions_ended_at timestamptz,
    released_at timestamptz,
    fenced_at timestamptz,
    disabled_at timestamptz,
    signed_out_at timestamptz,
    sessions_ended_at timestamptz,
    confirmed_at timestamptz,
    first_refused_at timestamptz,
    first_refused_by text,
    ended_at timestamptz
  );
  create unique index case_unfinished on offboarding.offboarding_case (account_id) where state in ('new', 'held', 'running');
  create index case_new on offboarding.offboarding_case (tenant, received_at) where state = 'new';
  create index case_held on offboarding.offboarding_case (tenant, held_at) where state = 'held';
  create index case_held_until on offboarding.offboarding_case (held_until) where state = 'held';
  create index case_by_account on offboarding.offboarding_case (account_id, received_at);
  create index case_by_tenant on offboarding.offboarding_case (tenant, received_at, id);
  -- What the brake counts: losses that were admitted.
  create index case_fenced on offboarding.offboarding_case (tenant, fenced_at) where counts;
  create index case_running on offboarding.offboarding_case (pushed_at) where state = 'running';`;

/**
 * Events of Okta's event hooks, stored for two days so that repeated deliveries are recognized by their event ids. Okta
 * repeats a delivery within minutes.
 */
const OKTA_HINT = `
  create table offboarding.okta_hint (
    tenant uuid not null,
    event_id text not null,
    user_id text not null,
    type text not null,
    published timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    primary key (tenant, event_id, user_id)
  );
  create index okta_hint_received_at on offboarding.okta_hint (received_at);`;

const OKTA_CHECK = `
  create table offboarding.okta_check (
    tenant uuid not null,
    user_id text not null,
    causation_id text not null,
    pushed_at timestamptz not null default clock_timestamp(),
    newer_causation_id text,
    newer_at timestamptz,
    newer_run uuid,
    newer_assignment boolean not null default false,
    run uuid,
    held boolean not null default false,
    assignment boolean not null default false,
    due_at timestamptz not null default clock_timestamp(),
    claim uuid,
    lease_owner uuid,
    attempts int not null default 0,
    last_error text,
    last_error_code text,
    primary key (tenant, user_id)
  ) with (fillfactor = 60);
  create index okta_check_due on offboarding.okta_check (due_at);
  create index okta_check_tenant on offboarding.okta_check (tenant, held, pushed_at);
  create index okta_check_run on offboarding.okta_check (run) where run is not null;
  create index okta_check_newer_run on offboarding.okta_check (newer_run) where newer_run is not null;`;

const OKTA_COMPARISON = `
  create table offboarding.okta_comparison (
    id uuid primary key,
    tenant uuid not null,
    cause text not null check (cause in ('nightly', 'request')),
    state text not null default 'running' check (state in ('running', 'done', 'failed')),
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    progress jsonb not null,
    checked int not null default 0,
    changed int not null default 0,
    error text,
    error_code text
  );
  -- One comparison of a tenant at a time, over all replicas.
  create unique index okta_comparison_running on offboarding.okta_comparison (tenant) where state = 'running';
  create index okta_comparison_latest on offboarding.okta_comparison (tenant, started_at desc);`;
