/** The audit ages: old rows may go, young ones may not, and none may change. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AuditRetention1764300300000 implements MigrationInterface {
  readonly name = 'AuditRetention1764300300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AGEING);
    await runner.query(ERASURE);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop trigger audit_keeps_what_is_young on auth.audit;
      drop trigger audit_is_append_only on auth.audit;
      create trigger audit_is_append_only before update or delete or truncate on auth.audit
        for each statement execute function auth.audit_is_append_only();
      drop index auth.audit_by_time;`);
  }
}

/** 30 days: whoever gets at the retention, or at its setting, still cannot remove what he did this month. */
const AGEING = `
  create index audit_by_time on auth.audit (at);
  drop trigger audit_is_append_only on auth.audit;
  create trigger audit_is_append_only before update or truncate on auth.audit
    for each statement execute function auth.audit_is_append_only();
  create trigger audit_keeps_what_is_young before delete on auth.audit
    for each row when (old.at > clock_timestamp() - interval '30 days')
    execute function auth.audit_is_append_only();`;

/** As accounts.sql.ts does it from now on. */
const ERASURE = `
  update auth.account set user_name = null, email = null, display_name = null where account_status = 'removed'`;
