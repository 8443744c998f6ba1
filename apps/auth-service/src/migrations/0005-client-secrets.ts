/** A client's secret can be replaced without a gap: the one before stays valid for a while. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ClientSecrets1764300400000 implements MigrationInterface {
  readonly name = 'ClientSecrets1764300400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table auth.client
        add column previous_hash bytea,
        add column previous_valid_until timestamptz,
        add constraint client_previous check ((previous_hash is null) = (previous_valid_until is null))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table auth.client drop column previous_hash, drop column previous_valid_until');
  }
}
