/** A question to Okta belongs to a process, and is free when that process gives no sign of life. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CheckOwner1764300100000 implements MigrationInterface {
  readonly name = 'CheckOwner1764300100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table offboarding.okta_check add column lease_owner uuid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table offboarding.okta_check drop column lease_owner');
  }
}
