/** Tables of sign-in: open challenges, what was granted, and the pool's keys, so that a restart signs nobody out. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CognitoSignIn1764200000001 implements MigrationInterface {
  name = 'CognitoSignIn1764200000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table cognito_user add column access_revoked_at timestamptz');
    await runner.query(`
      create table cognito_signing_key (
        pool_id text not null references cognito_pool,
        token_use text not null check (token_use in ('id', 'access')),
        kid text not null,
        private_jwk jsonb not null,
        primary key (pool_id, token_use))`);
    await runner.query(`
      create table cognito_challenge (
        session_hash bytea primary key,
        pool_id text not null references cognito_pool,
        client_id text not null references cognito_client,
        username text not null,
        rounds jsonb not null,
        private_parameters jsonb not null,
        metadata text,
        uses integer not null default 0,
        expires_at timestamptz not null)`);
    await runner.query('create index cognito_challenge_expiry on cognito_challenge (expires_at)');
    await runner.query(`
      create table cognito_grant (
        origin_jti uuid primary key,
        client_id text not null references cognito_client,
        pool_id text not null,
        username_key text not null,
        started_at timestamptz not null default clock_timestamp(),
        revoked_at timestamptz,
        foreign key (pool_id, username_key) references cognito_user on delete cascade)`);
    await runner.query('create index cognito_grant_user on cognito_grant (pool_id, username_key)');
    await runner.query(`
      create table cognito_refresh_token (
        token_hash bytea primary key,
        origin_jti uuid not null references cognito_grant on delete cascade,
        expires_at timestamptz not null,
        retired_at timestamptz)`);
    await runner.query('create index cognito_refresh_token_grant on cognito_refresh_token (origin_jti)');
    await runner.query(`
      create table cognito_access_token (
        jti uuid primary key,
        origin_jti uuid not null references cognito_grant on delete cascade,
        issued_at timestamptz not null default clock_timestamp())`);
    await runner.query('create index cognito_access_token_grant on cognito_access_token (origin_jti)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table cognito_access_token, cognito_refresh_token, cognito_grant, cognito_challenge, cognito_signing_key',
    );
    await runner.query('alter table cognito_user drop column access_revoked_at');
  }
}
