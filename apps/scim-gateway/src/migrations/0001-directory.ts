import { consumerTablesSql, producerTablesSql } from '#event-bus';
import { settingsTableSql } from '#settings';
import { byTenantId, consumerTables, tenantErasureSql } from '#worker';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Keys of users and groups start with the tenant, so that references and unique names never span two tenants. `*_key` columns hold
 * text that JavaScript converted to lower case, so that equality does not depend on the database's locale.
 */
export class Directory1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(USERS);
    await runner.query(GROUPS);
    await runner.query(REQUESTS);
    await runner.query(producerTablesSql('directory'));
    await runner.query(consumerTablesSql('directory'));
    await runner.query(settingsTableSql('directory'));
    await runner.query(tenantErasureSql('directory', [...ERASED, ...consumerTables, COPY]));
  }

  async down(): Promise<void> {
    throw new Error('The first migration cannot be undone. Drop the schema instead.');
  }
}

const erased = (table: string) => ({ table, where: byTenantId });
const ERASED = ['members', 'groups', 'users', 'scim_request', 'scim_token_use'].map(erased);
const COPY = erased('tenant_settings');

const USERS = `
  create table users (
    tenant_id uuid not null,
    id uuid not null,
    user_name text not null,
    user_name_key text not null,
    external_id text,
    active boolean not null,
    email text,
    resource jsonb not null,
    version bigint not null,
    access_version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    created_request uuid not null,
    deleted_at timestamptz,
    primary key (tenant_id, id)
  );
  create unique index users_user_name on users (tenant_id, user_name_key) where deleted_at is null;
  create unique index users_external_id on users (tenant_id, external_id) where deleted_at is null and external_id is not null;
  create index users_page on users (tenant_id, created_at, id) where deleted_at is null`;

/**
 * A membership costs about half a kilobyte of WAL, so its indexes are narrow (docs/measurements.md). The foreign keys,
 * not the indexes, keep a membership inside its tenant.
 */
const GROUPS = `
  create table groups (
    tenant_id uuid not null,
    id uuid not null,
    display_name text not null,
    display_name_key text not null,
    external_id text,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id)
  );
  create unique index groups_display_name on groups (tenant_id, display_name_key);
  create index groups_page on groups (tenant_id, created_at, id);
  create table members (
    tenant_id uuid not null,
    group_id uuid not null,
    user_id uuid not null,
    primary key (group_id, user_id),
    foreign key (tenant_id, group_id) references groups (tenant_id, id),
    foreign key (tenant_id, user_id) references users (tenant_id, id)
  );
  create index members_of_user on members (user_id)`;

const REQUESTS = `
  create table scim_request (
    id uuid primary key,
    tenant_id uuid not null,
    at timestamptz not null,
    method text not null,
    url text not null,
    resource_type text,
    resource_id text,
    status smallint not null,
    duration_ms real not null,
    scim_type text,
    detail text,
    left_out jsonb,
    left_out_count int not null default 0,
    delivered boolean not null,
    user_agent text,
    repeats int not null default 1
  );
  create index scim_request_recent on scim_request (tenant_id, at desc);
  -- For the requests about one user or group. It costs about 0.02 ms per row, and no request waits for that.
  create index scim_request_resource on scim_request (tenant_id, resource_id, at desc) where resource_id is not null;
  create index scim_request_age on scim_request (at);
  create table scim_token_use (
    tenant_id uuid primary key,
    last_used_at timestamptz not null
  )`;
