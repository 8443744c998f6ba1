/** The tables of `auth`: the copy of who may sign in, logins on their way, sessions, and the record of what happened. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { consumerTablesSql } from '#event-bus';
import { settingsTableSql } from '#settings';

export class Auth1764300000000 implements MigrationInterface {
  readonly name = 'Auth1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(consumerTablesSql('auth'));
    await runner.query(settingsTableSql('auth'));
    for (const sql of [ACCOUNT, LOGIN, SESSION, AUDIT]) await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('The first migration has no way back; drop the schema instead.');
  }
}

/** Copies of facts that identity-service and scim-gateway own. */
const ACCOUNT = `
  create table auth.account (
    id uuid primary key,
    tenant uuid not null,
    -- version 0 = nothing heard on identity.accounts: Cognito does not have it yet
    version bigint not null default 0,
    external_id text,
    user_name text,
    email text,
    display_name text,
    account_status text,
    -- version 0 = nothing heard on identity.access
    access_version bigint not null default 0,
    access_status text,
    roles text[] not null default '{}',
    not_before timestamptz
  ) with (fillfactor = 80);
  create index account_by_external_id on auth.account (tenant, external_id);
  -- People that the directory has: whoever signs in before the account is there must wait, not be turned away.
  create table auth.expected_person (
    id uuid primary key,
    tenant uuid not null,
    version bigint not null,
    external_id text,
    active boolean not null
  ) with (fillfactor = 80);
  create index expected_person_by_external_id on auth.expected_person (tenant, external_id);`;

const LOGIN = `
  create table auth.login (
    state_hash bytea primary key,
    -- hash of the cookie of the browser that began it
    browser_hash bytea not null,
    tenant uuid not null,
    issuer text not null,
    client_id text not null,
    nonce text not null,
    code_verifier text not null,
    return_to text not null,
    started_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
  );
  create index login_by_expiry on auth.login (expires_at);`;

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
  -- Every secret that the session ever had: one that comes back after it was replaced was stolen, or its successor lost.
  create table auth.session_secret (
    hash bytea primary key,
    session_id uuid not null references auth.session (id) on delete cascade,
    replaced_at timestamptz
  );
  create unique index session_secret_current on auth.session_secret (session_id) where replaced_at is null;
  create index session_secret_by_session on auth.session_secret (session_id);`;

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
  create function auth.audit_is_append_only() returns trigger language plpgsql as $$
  begin
    raise exception 'auth.audit is append-only';
  end $$;
  create trigger audit_is_append_only before update or delete or truncate on auth.audit
    for each statement execute function auth.audit_is_append_only();`;
