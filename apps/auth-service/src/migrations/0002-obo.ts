/** Token exchange and Universal Logout: who may exchange, which tokens of Okta are taken, and what was used up. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Obo1764300100000 implements MigrationInterface {
  readonly name = 'Obo1764300100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(): Promise<void> {
    throw new Error('Clients and spent tokens would be lost; drop the schema instead.');
  }
}

const TABLES = `
  create table auth.client (
    id text primary key,
    tenants uuid[] not null,
    audiences text[] not null,
    token_kinds text[] not null,
    -- sha256 of 256 random bits; null = authenticates by private_key_jwt
    secret_hash bytea,
    -- public keys; null = authenticates by client_secret_basic
    jwks jsonb,
    created_at timestamptz not null default clock_timestamp(),
    check ((secret_hash is null) <> (jwks is null))
  );
  -- Whose access tokens of a custom authorization server a tenant takes.
  create table auth.exchange_source (
    tenant uuid primary key,
    issuer text not null,
    audience text not null,
    client_ids text[] not null,
    scope text not null
  );
  -- What may come once: ID tokens, client assertions, logout tokens. Kept until it would have expired anyway.
  create table auth.spent (
    hash bytea primary key,
    expires_at timestamptz not null
  );
  create index spent_by_expiry on auth.spent (expires_at);
  create index account_by_email on auth.account (tenant, lower(email));`;
