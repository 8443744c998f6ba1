/** Losses of roles that wait for a person, and what the brake counts. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RoleBrake1764400000000 implements MigrationInterface {
  readonly name = 'RoleBrake1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(HELD);
    await runner.query(
      'create index role_grant_revoked on identity.role_grant (tenant, revoked_at) where revoked_at is not null',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index identity.role_grant_revoked');
    await runner.query('drop table identity.held_role_loss');
  }
}

/** At most one row per account: while it is there and not released, the account keeps `would_lose`. */
const HELD = `
  create table identity.held_role_loss (
    account_id uuid primary key references identity.account (id),
    tenant uuid not null,
    would_lose text[] not null,
    held_because text not null check (held_because in ('threshold', 'last_admin')),
    held_at timestamptz not null default clock_timestamp(),
    -- what took the roles away: recorded with the revocation when it happens
    cause text not null,
    cause_group uuid,
    causation_id text not null,
    -- not null = the re-evaluation that was asked for applies it, and deletes the row
    released_at timestamptz,
    released_by text
  );
  create index held_role_loss_waiting on identity.held_role_loss (tenant, held_at) where released_at is null;`;
