import type { MigrationInterface, QueryRunner } from '@stackflow/identity-events';

export class CreateIncidents1760000000000 implements MigrationInterface {
  readonly name = 'CreateIncidents1760000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table incident (
        id bigint generated always as identity primary key,
        tenant_id uuid not null,
        title text not null,
        assignee uuid
      );
      create index incident_assignee on incident (tenant_id, assignee)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table incident');
  }
}
