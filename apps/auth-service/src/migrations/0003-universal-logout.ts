/** Universal Logout: whom deactivation-worker has to sign out, until it has. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class UniversalLogout1764300200000 implements MigrationInterface {
  readonly name = 'UniversalLogout1764300200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COLUMNS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop index auth.account_by_address;
      alter table auth.account drop column signing_out, drop column signing_out_told, drop column signing_out_due_at,
        drop column signing_out_attempts;
      create index account_by_email on auth.account (tenant, lower(email));`);
  }
}

/** In the account's row, because its lock decides between a logout and a login that is on its way. */
const COLUMNS = `
  alter table auth.account
    -- id of the latest logout that is not done; null = none. Until then nobody signs in as this person
    add column signing_out uuid,
    -- deactivation-worker has it
    add column signing_out_told boolean not null default false,
    add column signing_out_due_at timestamptz,
    add column signing_out_attempts int not null default 0;
  create index account_signing_out on auth.account (signing_out_due_at) where signing_out is not null;
  drop index auth.account_by_email;
  create index account_by_address on auth.account (tenant, lower(coalesce(email, user_name)));`;
