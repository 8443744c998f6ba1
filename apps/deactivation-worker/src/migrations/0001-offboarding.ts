/** The tables of `offboarding`: who has access, the cases that take it away, and what Cognito is known to hold. */
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { consumerTablesSql, producerTablesSql } from '#event-bus';
import { workerTableSql } from '#worker';
import { settingsTableSql } from '#settings';

export class Offboarding1764200000000 implements MigrationInterface {
  readonly name = 'Offboarding1764200000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(producerTablesSql('offboarding'));
    await runner.query(consumerTablesSql('offboarding'));
    await runner.query(settingsTableSql('offboarding'));
    await runner.query(workerTableSql('offboarding'));
    for (const sql of [PERSON, CASE, BRAKE]) await runner.query(sql);
  }

  async down(): Promise<void> {
    throw new Error('The first migration has no way back; drop the schema instead.');
  }
}

/** One row per account: what directory and identity-service said, which door is wanted, what was published and done. */
const PERSON = `
  create table offboarding.person (
    id uuid primary key,
    tenant uuid not null,

    -- copied from directory.users; 0 = not heard of yet
    directory_version bigint not null default 0,
    user_name text not null default '',
    external_id text,
    display_name text,
    active boolean not null default false,
    deleted boolean not null default false,
    -- copied from identity.accounts; 0 = not heard of yet
    account_version bigint not null default 0,
    provisioned boolean not null default false,
    roles text[] not null default '{}',
    -- Okta says so, over an event hook or a comparison: 'suspended', 'deprovisioned', 'missing'
    okta_state text,
    okta_state_at timestamptz,

    -- what is wanted
    door text not null default 'closed' check (door in ('open', 'closed')),
    -- grows whenever the runner has something new to look at: what it did for an older one does not end the work
    revision bigint not null default 0,
    -- what was published on identity.access; version 0 = nothing yet
    access_version bigint not null default 0,
    published_status text check (published_status in ('active', 'inactive', 'removed')),
    published_roles text[] not null default '{}',
    not_before timestamptz,
    -- sequence of offboarding.cases
    case_version bigint not null default 0,

    -- what Cognito is known to hold; null = not known: read it before believing anything
    cognito_enabled boolean,
    -- refresh tokens from before the last closing are not revoked yet: has to happen before the user is enabled again
    sign_out_due boolean not null default false,
    -- calls of a process that died, or whose answer was lost, may still land until then: read back once more afterwards
    doubt_until timestamptz,

    -- the runner's queue; null = nothing to do
    due_at timestamptz,
    lease_owner uuid,
    attempts int not null default 0,
    last_error text,
    last_error_class text,
    -- of the last change of what is wanted
    causation_id text not null default '',
    traceparent text,
    updated_at timestamptz not null default clock_timestamp()
  ) with (fillfactor = 60);
  create index person_due on offboarding.person (due_at) where due_at is not null;
  create index person_leased on offboarding.person (lease_owner) where lease_owner is not null;
  create index person_by_user_name on offboarding.person (tenant, lower(user_name));
  create index person_by_external_id on offboarding.person (tenant, external_id);
  -- How many have access, and who has the strongest role: what the brake asks.
  create index person_open on offboarding.person (tenant, (roles[1])) where door = 'open' and provisioned;`;

/** One row per closing. The instants are the evidence. */
const CASE = `
  create table offboarding.offboarding_case (
    id uuid primary key default uuidv7(),
    tenant uuid not null,
    account_id uuid not null references offboarding.person (id),
    state text not null default 'new' check (state in ('new', 'held', 'running', 'completed', 'superseded', 'discarded')),
    cause text not null,
    causation_id text not null,
    traceparent text,
    -- whether it counts against the brake: somebody had access, and no person released the case
    counts boolean not null default false,
    held_because text check (held_because in ('threshold', 'last_admin')),
    released_by text,
    pushed_at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    held_at timestamptz,
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
  create index case_by_account on offboarding.offboarding_case (account_id, received_at);
  create index case_by_tenant on offboarding.offboarding_case (tenant, received_at, id);
  -- What the brake counts: closings that were let through.
  create index case_fenced on offboarding.offboarding_case (tenant, fenced_at) where counts;
  create index case_running on offboarding.offboarding_case (pushed_at) where state = 'running';`;

/** One row per tenant: its lock serialises what is let through, in short transactions of one tenant each. */
const BRAKE = `create table offboarding.tenant_brake (tenant uuid primary key)`;
