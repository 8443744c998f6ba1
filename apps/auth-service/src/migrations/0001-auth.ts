/** The tables of `auth`: copies of accounts, sessions, token exchange, and the audit. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { consumerTablesSql } from '#event-bus';
import { settingsTableSql } from '#settings';
import { byTenantId, consumerTables, tenantErasureSql } from '#worker';

export class Auth1764300000000 implements MigrationInterface {
  readonly name = 'Auth1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(consumerTablesSql('auth'));
    await runner.query(settingsTableSql('auth'));
    for (const sql of [ACCOUNT, SESSION, EXCHANGE, AUDIT]) await runner.query(sql);
    await runner.query(tenantErasureSql('auth', ERASED));
  }

  async down(): Promise<void> {
    throw new Error('The first migration cannot be reverted. Drop the schema instead.');
  }
}

const ERASED = [
  ...['session', 'account', 'expected_person', 'exchange_source', 'audit'].map((table) => ({ table })),
  { table: 'exchange_client', where: 'tenants = array[of_tenant]' },
  ...consumerTables,
  { table: 'tenant_settings', where: byTenantId },
];

/** Tables with copies of data that identity-service and scim-gateway own. */
const ACCOUNT = `
  create table auth.account (
    id uuid primary key,
    tenant uuid not null,
    -- 0 = no event of identity.accounts yet: Cognito does not have the user
    version bigint not null default 0,
    external_id text,
    user_name text,
    email text,
    display_name text,
    account_status text,
    -- 0 = no event of identity.access yet
    access_version bigint not null default 0,
    access_status text,
    roles text[] not null default '{}',
    not_before timestamptz,
    -- Id of the latest logout that is not complete; null = none. Until it is complete nobody signs in as this person.
    -- It stands in this row because the row lock decides between a logout and a login in progress.
    signing_out uuid,
    -- deactivation-worker has accepted the sign-out
    signing_out_announced boolean not null default false,
    signing_out_due_at timestamptz,
    signing_out_attempts int not null default 0
  ) with (fillfactor = 80);
  create index account_by_external_id on auth.account (tenant, external_id);
  create index account_by_address on auth.account (tenant, lower(coalesce(email, user_name)));
  create index account_signing_out on auth.account (signing_out_due_at) where signing_out is not null;
  -- People in the directory. They may sign in before the account exists, and then wait instead of being refused.
  create table auth.expected_person (
    id uuid primary key,
    tenant uuid not null,
    version bigint not null,
    external_id text,
    active boolean not null
  ) with (fillfactor = 80);
  create index expected_person_by_external_id on auth.expected_person (tenant, external_id);`;

const SESSION = `
  create table auth.session (
    id uuid primary key,
    tenant uuid not null,
    account_id uuid not null references auth.account (id),
    okta_issuer text not null,
    okta_sub text not null,
    created_at timestamptz not null default clock_timestamp(),
    last_used_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    -- both sealed, see sessions/seal.ts
    refresh_token bytea not null,
    id_token bytea not null
  ) with (fillfactor = 70);
  create index session_by_account on auth.session (account_id);
  create index session_by_expiry on auth.session (expires_at);
  -- All secrets that the session ever had. One that returns after its replacement was stolen, or its successor was lost.
  create table auth.session_secret (
    hash bytea primary key,
    session_id uuid not null references auth.session (id) on delete cascade,
    replaced_at timestamptz
  );
  create unique index session_secret_current on auth.session_secret (session_id) where replaced_at is null;
  create index session_secret_by_session on auth.session_secret (session_id);`;

const EXCHANGE = `
  create table auth.exchange_client (
    id text primary key,
    tenants uuid[] not null,
    audiences text[] not null,
    token_kinds text[] not null,
    -- sha256 of 256 random bits; null = the client authenticates by private_key_jwt
    secret_hash bytea,
    -- the previous secret stays valid for a while after a rotation
    previous_hash bytea,
    previous_valid_until timestamptz,
    -- public keys; null = the client authenticates by client_secret_basic
    jwks jsonb,
    created_at timestamptz not null default clock_timestamp(),
    check ((secret_hash is null) <> (jwks is null)),
    check ((previous_hash is null) = (previous_valid_until is null))
  );
  -- The custom authorization server whose access tokens a tenant accepts.
  create table auth.exchange_source (
    tenant uuid primary key,
    issuer text not null,
    audience text not null,
    client_ids text[] not null,
    scope text not null
  );
  -- Single-use tokens: ID tokens, client assertions, logout tokens, and states of logins. A row is kept until its token has expired.
  create table auth.spent_token (
    hash bytea primary key,
    expires_at timestamptz not null
  );
  create index spent_token_by_expiry on auth.spent_token (expires_at);`;

/** Triggers refuse updates, and the deletion of rows younger than 30 days, even for the role that owns the table. Only the rows of an erased tenant go. */
const AUDIT = `
  create table auth.audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    tenant uuid,
    event text not null,
    code text,
    account_id uuid,
    session_id uuid,
    detail jsonb not null default '{}'
  );
  create index audit_by_account on auth.audit (account_id, id);
  create index audit_by_tenant on auth.audit (tenant, id);
  create index audit_by_time on auth.audit (at);
  create function auth.audit_is_append_only() returns trigger language plpgsql as $$
  begin
    raise exception 'auth.audit is append-only';
  end $$;
  create function auth.audit_keeps_recent_rows() returns trigger language plpgsql as $$
  begin
    if exists (select 1 from auth.erased_tenant where tenant = old.tenant) then return old; end if;
    raise exception 'auth.audit is append-only';
  end $$;
  create trigger audit_is_append_only before update or truncate on auth.audit
    for each statement execute function auth.audit_is_append_only();
  create trigger audit_keeps_recent_rows before delete on auth.audit
    for each row when (old.at > clock_timestamp() - interval '30 days')
    execute function auth.audit_keeps_recent_rows();`;
