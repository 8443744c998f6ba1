/** SQL of the tenants. Writers lock the tenant's row first, so versions of one tenant form one line. */
import type { TenantSettings } from '#events';
import type { Queryable, Tx } from '#platform';

export interface Tenant {
  readonly id: string;
  readonly slug: string;
  readonly host: string | null;
  /** Version of the settings in force. */
  readonly version: number;
  readonly settings: TenantSettings;
  readonly createdAt: Date;
  readonly changedBy: string;
  readonly changedAt: Date;
}

interface Row {
  id: string;
  slug: string;
  host: string | null;
  version: string;
  settings: TenantSettings;
  created_at: Date;
  changed_by: string;
  changed_at: Date;
}

const SELECT = `select t.id, t.slug, t.host, s.version, s.settings, t.created_at, s.changed_by, s.changed_at
  from hub.tenant t join hub.integration_settings s on s.tenant_id = t.id and s.version = t.settings_version`;

const fromRow = (row: Row): Tenant => ({
  id: row.id,
  slug: row.slug,
  host: row.host,
  version: Number(row.version),
  settings: row.settings,
  createdAt: row.created_at,
  changedBy: row.changed_by,
  changedAt: row.changed_at,
});

export async function allTenants(queryable: Queryable): Promise<Tenant[]> {
  return (await queryable.query<Row>(`${SELECT} order by t.slug`)).map(fromRow);
}

export async function tenantBySlug(queryable: Queryable, slug: string): Promise<Tenant | null> {
  const rows = await queryable.query<Row>(`${SELECT} where t.slug = $1`, [slug]);
  return rows[0] ? fromRow(rows[0]) : null;
}

/**
 * Locks the tenant's row FOR UPDATE until the transaction ends. In two statements on purpose: a single join that had
 * to wait for the lock would be rechecked with the new tenant row and the old settings row, and find nothing.
 */
export async function lockTenant(tx: Tx, slug: string): Promise<Tenant | null> {
  await tx.query('select 1 from hub.tenant where slug = $1 for update', [slug]);
  return tenantBySlug(tx, slug);
}

/** False when the slug is taken; waits for a concurrent creation of the same slug to end (unique index). */
export async function insertTenant(
  tx: Tx,
  tenant: { id: string; slug: string; host: string | null },
): Promise<boolean> {
  const rows = await tx.query(
    'insert into hub.tenant (id, slug, host, settings_version) values ($1, $2, $3, 1) on conflict (slug) do nothing returning id',
    [tenant.id, tenant.slug, tenant.host],
  );
  return rows.length > 0;
}

/** A new version becomes the one in force. The caller holds the lock on the tenant's row. */
export async function insertVersion(
  tx: Tx,
  settings: TenantSettings,
  version: number,
  change: { changed: readonly string[]; who: string; action: string; detail: Readonly<Record<string, unknown>> },
): Promise<void> {
  const { id, host } = settings.tenant;
  await tx.query('update hub.tenant set settings_version = $2, host = $3 where id = $1', [id, version, host]);
  await tx.query(
    'insert into hub.integration_settings (tenant_id, version, settings, changed, changed_by) values ($1, $2, $3, $4, $5)',
    [id, version, JSON.stringify(settings), change.changed, change.who],
  );
  await tx.query('insert into hub.admin_audit (who, action, tenant_id, detail) values ($1, $2, $3, $4)', [
    change.who,
    change.action,
    id,
    JSON.stringify({ version, changed: change.changed, ...change.detail }),
  ]);
}
