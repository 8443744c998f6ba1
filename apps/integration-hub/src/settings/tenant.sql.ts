/** SQL of the tenants. Writers lock the tenant's row first, so that they write its versions one after another. */
import type { AuditAction } from '#contracts';
import type { TenantSettings } from '#events';
import { columnsOf, type Queryable, type Tx } from '#platform';
import { IntegrationSettingsEntity } from './integration-settings.entity.js';
import { TenantEntity } from './tenant.entity.js';

export type Tenant = Pick<TenantEntity, 'id' | 'slug' | 'host' | 'createdAt'> &
  Pick<IntegrationSettingsEntity, 'version' | 'settings' | 'changedBy' | 'changedAt'>;

export interface VersionOrigin {
  readonly by: string;
  readonly action: AuditAction;
  readonly changed: readonly string[];
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

const SELECT = `
  select ${columnsOf(TenantEntity, { alias: 't', only: ['id', 'slug', 'host', 'createdAt'] })},
         ${columnsOf(IntegrationSettingsEntity, { alias: 's', only: ['version', 'settings', 'changedBy', 'changedAt'] })}
    from hub.tenant t join hub.integration_settings s on s.tenant_id = t.id and s.version = t.settings_version`;

export const allTenants = (queryable: Queryable): Promise<Tenant[]> =>
  queryable.query<Tenant>(`${SELECT} order by t.slug`);

export async function tenantBySlug(queryable: Queryable, slug: string): Promise<Tenant | null> {
  const [tenant] = await queryable.query<Tenant>(`${SELECT} where t.slug = $1`, [slug]);
  return tenant ?? null;
}

/**
 * Locks the tenant's row FOR UPDATE, and reads it in a second statement. After a wait for the lock, a single join would
 * combine the new tenant row with the old settings row, and find nothing.
 */
export async function lockTenant(tx: Tx, slug: string): Promise<Tenant | null> {
  await tx.query('select 1 from hub.tenant where slug = $1 for update', [slug]);
  return tenantBySlug(tx, slug);
}

/** Resolves with false if the slug is taken. The unique index waits for a concurrent creation of the same slug. */
export async function insertTenant(tx: Tx, { id, slug, host }: TenantSettings['tenant']): Promise<boolean> {
  const rows = await tx.query(
    'insert into hub.tenant (id, slug, host, settings_version) values ($1, $2, $3, 1) on conflict (slug) do nothing returning id',
    [id, slug, host],
  );
  return rows.length > 0;
}

/** Makes `settings` the current version. The caller has locked the tenant's row. */
export async function insertVersion(
  tx: Tx,
  settings: TenantSettings,
  version: number,
  { by, action, changed, detail }: VersionOrigin,
): Promise<void> {
  const { id, host } = settings.tenant;
  await tx.query('update hub.tenant set settings_version = $2, host = $3 where id = $1', [id, version, host]);
  await tx.query(
    'insert into hub.integration_settings (tenant_id, version, settings, changed, changed_by) values ($1, $2, $3, $4, $5)',
    [id, version, JSON.stringify(settings), changed, by],
  );
  await insertAudit(tx, id, { by, action, changed, detail }, version);
}

export async function insertAudit(
  tx: Tx,
  tenantId: string,
  { by, action, changed, detail }: VersionOrigin,
  version: number,
): Promise<void> {
  await tx.query('insert into hub.admin_audit (by, action, tenant_id, detail) values ($1, $2, $3, $4)', [
    by,
    action,
    tenantId,
    JSON.stringify({ version, changed, ...detail }),
  ]);
}
