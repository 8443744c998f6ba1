/** Tables of the stand-ins, so that a restart keeps users, secrets and what the sandbox Okta remembers. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CognitoSignIn1764200000001 } from './cognito/sign-in.migration.js';
import { OktaManagement1764050000001 } from './okta/migrations.js';

class Cognito1764040000001 implements MigrationInterface {
  name = 'Cognito1764040000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table cognito_pool (
        id text primary key,
        name text not null,
        is_default boolean unique check (is_default),
        case_sensitive boolean not null,
        schema jsonb not null,
        password_policy jsonb not null,
        settings jsonb not null,
        created_at timestamptz not null default clock_timestamp())`);
    await runner.query(`
      create table cognito_client (
        id text primary key,
        pool_id text not null references cognito_pool,
        settings jsonb not null,
        secret text,
        created_at timestamptz not null default clock_timestamp())`);
    await runner.query(`
      create table cognito_group (
        pool_id text not null references cognito_pool,
        name text not null,
        description text,
        precedence integer,
        role_arn text,
        created_at timestamptz not null default clock_timestamp(),
        primary key (pool_id, name))`);
    await runner.query(`
      create table cognito_user (
        pool_id text not null references cognito_pool,
        username_key text not null,
        username text not null,
        sub uuid not null unique,
        attributes jsonb not null,
        status text not null,
        enabled boolean not null default true,
        signed_out_at timestamptz,
        created_at timestamptz not null default clock_timestamp(),
        modified_at timestamptz not null default clock_timestamp(),
        primary key (pool_id, username_key))`);
    await runner.query(`create index cognito_user_email on cognito_user (pool_id, (attributes->>'email'))`);
    await runner.query(`
      create table cognito_membership (
        pool_id text not null,
        username_key text not null,
        group_name text not null,
        primary key (pool_id, username_key, group_name),
        foreign key (pool_id, username_key) references cognito_user on delete cascade,
        foreign key (pool_id, group_name) references cognito_group on delete cascade)`);
    await runner.query(
      `create index cognito_membership_group on cognito_membership (pool_id, group_name, username_key)`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table cognito_membership, cognito_user, cognito_group, cognito_client, cognito_pool');
  }
}

class Secrets1764040000002 implements MigrationInterface {
  name = 'Secrets1764040000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table secret (
        name text primary key,
        arn text not null unique,
        description text,
        tags jsonb not null default '[]',
        created_at timestamptz not null default clock_timestamp(),
        changed_at timestamptz not null default clock_timestamp(),
        deleted_at timestamptz,
        purge_at timestamptz)`);
    await runner.query(`
      create table secret_version (
        secret_name text not null references secret on delete cascade,
        id text not null,
        secret_string text,
        secret_binary bytea,
        stages text[] not null,
        created_at timestamptz not null default clock_timestamp(),
        primary key (secret_name, id))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table secret_version, secret');
  }
}

class Okta1764040000003 implements MigrationInterface {
  name = 'Okta1764040000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table okta_app (
        slug text primary key,
        scim_base_url text not null,
        token text not null,
        mode text not null check (mode in ('aiw', 'oin')),
        auth_style text not null check (auth_style in ('bearer', 'header')),
        import_groups boolean not null default true,
        created_at timestamptz not null default clock_timestamp())`);
    await runner.query(`
      create table okta_person (
        id text primary key,
        slug text not null references okta_app on delete cascade,
        login text not null,
        profile jsonb not null,
        status text not null check (status in ('STAGED', 'ACTIVE', 'SUSPENDED', 'DEPROVISIONED')),
        created_at timestamptz not null default clock_timestamp())`);
    await runner.query('create unique index okta_person_login on okta_person (slug, lower(login))');
    await runner.query(`
      create table okta_assignment (
        person_id text primary key references okta_person on delete cascade,
        remote_id text,
        assigned boolean not null,
        remote_active boolean not null default false)`);
    await runner.query(`
      create table okta_group (
        id text primary key,
        slug text not null references okta_app on delete cascade,
        name text not null)`);
    await runner.query('create unique index okta_group_name on okta_group (slug, lower(name))');
    await runner.query(`
      create table okta_group_member (
        group_id text not null references okta_group on delete cascade,
        person_id text not null references okta_person on delete cascade,
        position bigint generated always as identity,
        primary key (group_id, person_id))`);
    await runner.query(`
      create table okta_push (
        group_id text primary key references okta_group on delete cascade,
        remote_id text,
        status text not null check (status in ('ACTIVE', 'ERROR')))`);
    await runner.query(`
      create table okta_task (
        id bigint generated always as identity primary key,
        slug text not null references okta_app on delete cascade,
        verb text not null,
        subject text not null,
        detail text,
        created_at timestamptz not null default clock_timestamp())`);
    await runner.query(`
      create table okta_imported (
        slug text not null references okta_app on delete cascade,
        kind text not null check (kind in ('user', 'group')),
        remote_id text not null,
        name text not null,
        primary key (slug, kind, remote_id))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table okta_imported, okta_task, okta_push, okta_group_member, okta_group, okta_assignment, okta_person, okta_app',
    );
  }
}

export const sandboxMigrations = [
  Cognito1764040000001,
  Secrets1764040000002,
  Okta1764040000003,
  CognitoSignIn1764200000001,
  OktaManagement1764050000001,
];
