/** The tables of the sandbox. Its state survives a restart. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

const COGNITO = `
  create table cognito_pool (
    id text primary key,
    name text not null,
    is_default boolean unique check (is_default),
    case_sensitive boolean not null,
    schema jsonb not null,
    password_policy jsonb not null,
    settings jsonb not null,
    created_at timestamptz not null default clock_timestamp());
  create table cognito_client (
    id text primary key,
    pool_id text not null references cognito_pool,
    settings jsonb not null,
    secret text,
    created_at timestamptz not null default clock_timestamp());
  create table cognito_group (
    pool_id text not null references cognito_pool,
    name text not null,
    description text,
    precedence integer,
    role_arn text,
    created_at timestamptz not null default clock_timestamp(),
    primary key (pool_id, name));
  create table cognito_user (
    pool_id text not null references cognito_pool,
    username_key text not null,
    username text not null,
    sub uuid not null unique,
    attributes jsonb not null,
    status text not null,
    enabled boolean not null default true,
    signed_out_at timestamptz,
    access_revoked_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    modified_at timestamptz not null default clock_timestamp(),
    primary key (pool_id, username_key));
  create index cognito_user_email on cognito_user (pool_id, (attributes->>'email'));
  create table cognito_membership (
    pool_id text not null,
    username_key text not null,
    group_name text not null,
    primary key (pool_id, username_key, group_name),
    foreign key (pool_id, username_key) references cognito_user on delete cascade,
    foreign key (pool_id, group_name) references cognito_group on delete cascade);
  create index cognito_membership_group on cognito_membership (pool_id, group_name, username_key);
  create table cognito_signing_key (
    pool_id text not null references cognito_pool,
    token_use text not null check (token_use in ('id', 'access')),
    kid text not null,
    private_jwk jsonb not null,
    primary key (pool_id, token_use));
  create table cognito_challenge (
    session_hash bytea primary key,
    pool_id text not null references cognito_pool,
    client_id text not null references cognito_client,
    username text not null,
    rounds jsonb not null,
    private_parameters jsonb not null,
    metadata text,
    uses integer not null default 0,
    expires_at timestamptz not null);
  create index cognito_challenge_expiry on cognito_challenge (expires_at);
  create table cognito_grant (
    origin_jti uuid primary key,
    client_id text not null references cognito_client,
    pool_id text not null,
    username_key text not null,
    started_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    foreign key (pool_id, username_key) references cognito_user on delete cascade);
  create index cognito_grant_user on cognito_grant (pool_id, username_key);
  create table cognito_refresh_token (
    token_hash bytea primary key,
    origin_jti uuid not null references cognito_grant on delete cascade,
    expires_at timestamptz not null,
    retired_at timestamptz);
  create index cognito_refresh_token_grant on cognito_refresh_token (origin_jti);
  create table cognito_access_token (
    jti uuid primary key,
    origin_jti uuid not null references cognito_grant on delete cascade,
    issued_at timestamptz not null default clock_timestamp());
  create index cognito_access_token_grant on cognito_access_token (origin_jti)`;

const SECRETS = `
  create table secret (
    name text primary key,
    arn text not null unique,
    description text,
    tags jsonb not null default '[]',
    created_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz,
    purge_at timestamptz);
  create table secret_version (
    secret_name text not null references secret on delete cascade,
    id text not null,
    secret_string text,
    secret_binary bytea,
    stages text[] not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (secret_name, id))`;

const OKTA = `
  create table okta_app (
    slug text primary key,
    app_id text not null unique,
    scim_base_url text not null,
    token text not null,
    mode text not null check (mode in ('aiw', 'oin')),
    auth_style text not null check (auth_style in ('bearer', 'header')),
    import_groups boolean not null default true,
    deactivate_users boolean not null default true,
    created_at timestamptz not null default clock_timestamp());
  create table okta_person (
    id text primary key,
    slug text not null references okta_app on delete cascade,
    login text not null,
    profile jsonb not null,
    status text not null check (status in ('STAGED', 'ACTIVE', 'SUSPENDED', 'DEPROVISIONED')),
    created_at timestamptz not null default clock_timestamp(),
    status_changed_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp());
  create unique index okta_person_login on okta_person (slug, lower(login));
  create table okta_assignment (
    person_id text primary key references okta_person on delete cascade,
    remote_id text,
    assigned boolean not null,
    changed_at timestamptz not null default clock_timestamp());
  create table okta_group (
    id text primary key,
    slug text not null references okta_app on delete cascade,
    name text not null,
    created_at timestamptz not null default clock_timestamp());
  create unique index okta_group_name on okta_group (slug, lower(name));
  create table okta_group_member (
    group_id text not null references okta_group on delete cascade,
    person_id text not null references okta_person on delete cascade,
    position bigint generated always as identity,
    primary key (group_id, person_id));
  create table okta_push (
    group_id text primary key references okta_group on delete cascade,
    remote_id text,
    status text not null check (status in ('ACTIVE', 'ERROR')));
  create table okta_task (
    id bigint generated always as identity primary key,
    slug text not null references okta_app on delete cascade,
    verb text not null,
    subject text not null,
    detail text,
    created_at timestamptz not null default clock_timestamp());
  create table okta_api_token (
    hash text primary key,
    slug text not null references okta_app on delete cascade,
    owner_id text not null,
    rights text not null check (rights in ('admin', 'none')),
    created_at timestamptz not null default clock_timestamp());
  create table okta_event_hook (
    slug text primary key references okta_app on delete cascade,
    id text not null,
    url text not null,
    secret text not null,
    events text[] not null);
  create table okta_universal_logout (
    slug text primary key references okta_app on delete cascade,
    url text not null,
    subject_format text not null check (subject_format in ('iss_sub', 'email')))`;

const OPENID = `
  create table okta_oidc_client (
    client_id text primary key,
    slug text not null references okta_app on delete cascade,
    label text not null,
    secret text,
    settings jsonb not null,
    unique (slug, label));
  create table okta_oidc_key (
    kid text primary key,
    key_set text not null check (key_set in ('org', 'org-access', 'default')),
    private_jwk jsonb not null,
    is_current boolean not null,
    created_at timestamptz not null default clock_timestamp());
  create unique index okta_oidc_key_current on okta_oidc_key (key_set) where is_current;
  create table okta_session (
    hash text primary key,
    person_id text not null references okta_person on delete cascade,
    auth_time timestamptz not null default clock_timestamp());
  create index okta_session_person on okta_session (person_id);
  create table okta_oidc_sign_in (
    hash text primary key,
    client_id text not null references okta_oidc_client on delete cascade,
    request jsonb not null,
    expires_at timestamptz not null);
  create table okta_oidc_code (
    hash text primary key,
    client_id text not null references okta_oidc_client on delete cascade,
    granted jsonb not null,
    expires_at timestamptz not null);
  create table okta_oidc_spent (jti text primary key, expires_at timestamptz not null)`;

class Sandbox1764040000001 implements MigrationInterface {
  name = 'Sandbox1764040000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const tables of [COGNITO, SECRETS, OKTA, OPENID]) await runner.query(tables);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [, table] of [COGNITO, SECRETS, OKTA, OPENID].join().matchAll(/create table (\w+)/g))
      await runner.query(`drop table ${table} cascade`);
  }
}

export const sandboxMigrations = [Sandbox1764040000001];
