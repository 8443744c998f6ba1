import type { MigrationInterface, QueryRunner } from 'typeorm';
import { producerTablesSql } from '#event-bus';
import { byTenantId, tenantErasureSql } from '#worker';

const ERASED = [
  { table: 'integration_settings', where: byTenantId },
  { table: 'admin_audit', where: byTenantId },
  { table: 'tenant', where: 'id = of_tenant' },
];

export class Hub1764028800000 implements MigrationInterface {
  readonly name = 'Hub1764028800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table hub.tenant (
        id uuid primary key,
        slug text not null unique,
        host text unique,
        settings_version bigint not null,
        created_at timestamptz not null default clock_timestamp()
      );
      -- Every version ever in force: the history that an administrator sees, and the source for publishing one again.
      create table hub.integration_settings (
        tenant_id uuid not null references hub.tenant,
        version bigint not null,
        settings jsonb not null,
        changed text[] not null,
        changed_by text not null,
        changed_at timestamptz not null default clock_timestamp(),
        primary key (tenant_id, version)
      );
      create table hub.admin_audit (
        id bigint generated always as identity primary key,
        at timestamptz not null default clock_timestamp(),
        by text not null,
        action text not null,
        tenant_id uuid not null references hub.tenant,
        detail jsonb not null
      );
      create index admin_audit_tenant on hub.admin_audit (tenant_id, id);`);
    await runner.query(producerTablesSql('hub'));
    await runner.query(tenantErasureSql('hub', ERASED));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop function hub.erase_tenant; drop table hub.tenant_erasure, hub.erased_tenant, hub.outbox, hub.admin_audit, hub.integration_settings, hub.tenant',
    );
  }
}
