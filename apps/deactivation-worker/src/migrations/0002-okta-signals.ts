/** Second signals from Okta: hints of its event hooks, people to ask Okta about, comparisons of the whole app. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OktaSignals1764200100000 implements MigrationInterface {
  readonly name = 'OktaSignals1764200100000';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of [HINT, CHECK, RUN]) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table offboarding.okta_hint, offboarding.okta_check, offboarding.okta_compare_run');
  }
}

/** What the hooks said. Kept for two days: a repetition carries the same event id, and days later nobody repeats. */
const HINT = `
  create table offboarding.okta_hint (
    tenant uuid not null,
    event_id text not null,
    user_id text not null,
    type text not null,
    published timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    primary key (tenant, event_id, user_id)
  );
  create index okta_hint_received_at on offboarding.okta_hint (received_at);`;

/**
 * Whom to ask Okta about: one row per person however many hints there are. \`newer_*\` is the first hint that came after
 * the row was claimed: what is being read may be older than that hint, so the row stays and is read again.
 */
const CHECK = `
  create table offboarding.okta_check (
    tenant uuid not null,
    user_id text not null,
    causation_id text not null,
    pushed_at timestamptz not null default clock_timestamp(),
    newer_causation_id text,
    newer_at timestamptz,
    newer_run uuid,
    -- the comparison that asked; it waits until its rows are gone
    run uuid,
    due_at timestamptz not null default clock_timestamp(),
    claim uuid,
    attempts int not null default 0,
    last_error text,
    last_error_code text,
    primary key (tenant, user_id)
  ) with (fillfactor = 60);
  create index okta_check_due on offboarding.okta_check (due_at);
  create index okta_check_tenant on offboarding.okta_check (tenant, pushed_at);
  create index okta_check_run on offboarding.okta_check (run) where run is not null;
  create index okta_check_newer_run on offboarding.okta_check (newer_run) where newer_run is not null;`;

const RUN = `
  create table offboarding.okta_compare_run (
    id uuid primary key,
    tenant uuid not null,
    cause text not null check (cause in ('nightly', 'request')),
    state text not null default 'running' check (state in ('running', 'done', 'failed')),
    started_at timestamptz not null default clock_timestamp(),
    -- sign of life of the process that runs it
    seen_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    progress jsonb not null,
    -- people that were asked about one by one, and for how many of them something changed
    asked int not null default 0,
    confirmed int not null default 0,
    error text,
    error_code text
  );
  -- One comparison of a tenant at a time, over all replicas.
  create unique index okta_compare_running on offboarding.okta_compare_run (tenant) where state = 'running';
  create index okta_compare_latest on offboarding.okta_compare_run (tenant, started_at desc);`;
