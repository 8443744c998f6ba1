/** A person's event that meets a re-evaluation of the tenant asks for the person alone instead of waiting. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ReevaluateOne1764100000000 implements MigrationInterface {
  readonly name = 'ReevaluateOne1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    // Not null = this account alone; `group_id` is the group that the event was about then.
    await runner.query('alter table identity.reevaluation add column user_id uuid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table identity.reevaluation drop column user_id');
  }
}
