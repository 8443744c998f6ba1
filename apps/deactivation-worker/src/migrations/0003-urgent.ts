/** People whom Cognito may still let in are found without reading those whose sign-out waits for its quota. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Urgent1764300000000 implements MigrationInterface {
  readonly name = 'Urgent1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index person_urgent on offboarding.person (due_at)
       where due_at is not null and door = 'closed' and cognito_enabled is distinct from false`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index offboarding.person_urgent');
  }
}
