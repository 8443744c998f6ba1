/** deactivation-worker decides when access ends: its word, its cases, and what we told of them. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Access1764300000000 implements MigrationInterface {
  readonly name = 'Access1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of [ACCESS, CLOSING, ACCOUNT]) await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('What the worker said would be forgotten, and people it closed would come back; restore a backup.');
  }
}

/** A table of its own, not columns of the account: the worker may be heard before the directory. */
const ACCESS = `
  create table identity.access (
    account_id uuid primary key,
    tenant uuid not null,
    -- sequence of identity.access
    version bigint not null,
    status text not null check (status in ('active', 'inactive', 'removed')),
    -- what took access away, or gave it back: names the case
    causation_id text not null
  );`;

/** One row per case of the worker: why access was taken, and when each door closed. */
const CLOSING = `
  create table identity.closing (
    id uuid primary key,
    tenant uuid not null,
    account_id uuid not null,
    -- of offboarding.cases
    sequence bigint not null,
    cause text not null,
    causation_id text not null,
    -- as the last event about it told it
    details jsonb not null
  );
  create index closing_by_causation on identity.closing (account_id, causation_id);`;

const ACCOUNT = `
  alter table identity.account
    drop column access_version,
    -- the status that identity.accounts told last; null = not provisioned, so nothing was told
    add column told_status text check (told_status in ('active', 'inactive', 'removed')),
    -- sequence of the last completed case that was told
    add column told_case bigint not null default 0;
  update identity.account set told_status = status where provisioned_at is not null;`;
