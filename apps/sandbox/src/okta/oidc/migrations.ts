/** What the OpenID provider of the sandbox Okta remembers: clients, keys, sessions, and what waits to be redeemed. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OktaOidc1764060000001 implements MigrationInterface {
  name = 'OktaOidc1764060000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table okta_oidc_client (
        client_id text primary key,
        slug text not null references okta_app on delete cascade,
        label text not null,
        secret text,
        settings jsonb not null,
        created_at timestamptz not null default clock_timestamp(),
        unique (slug, label))`);
    await runner.query(`
      create table okta_oidc_key (
        kid text primary key,
        key_set text not null check (key_set in ('org', 'org-access', 'default')),
        private_jwk jsonb not null,
        is_current boolean not null,
        created_at timestamptz not null default clock_timestamp())`);
    await runner.query('create unique index okta_oidc_key_current on okta_oidc_key (key_set) where is_current');
    await runner.query(`
      create table okta_session (
        hash text primary key,
        person_id text not null references okta_person on delete cascade,
        auth_time timestamptz not null default clock_timestamp())`);
    await runner.query('create index okta_session_person on okta_session (person_id)');
    await runner.query(`
      create table okta_oidc_sign_in (
        hash text primary key,
        client_id text not null references okta_oidc_client on delete cascade,
        request jsonb not null,
        expires_at timestamptz not null)`);
    await runner.query(`
      create table okta_oidc_code (
        hash text primary key,
        client_id text not null references okta_oidc_client on delete cascade,
        granted jsonb not null,
        expires_at timestamptz not null)`);
    await runner.query(`create table okta_oidc_spent (jti text primary key, expires_at timestamptz not null)`);
    await runner.query(`
      create table okta_universal_logout (
        slug text primary key references okta_app on delete cascade,
        url text not null,
        subject_format text not null check (subject_format in ('iss_sub', 'email')))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table okta_universal_logout, okta_oidc_spent, okta_oidc_code, okta_oidc_sign_in, okta_session, okta_oidc_key, okta_oidc_client',
    );
  }
}
