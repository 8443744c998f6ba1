/** SQL of a service's own copy of the tenants' settings. Events update the copy. Only the hub changes settings. */
import type { EventEnvelope } from '#events';
import { columnsOf, type Queryable, type Tx } from '#platform';
import { TenantSettingsEntity } from './tenant-settings.entity.js';

const COLUMNS = ['tenantId', 'slug', 'host', 'version', 'settings'] as const;

export type TenantCopy = Readonly<Pick<TenantSettingsEntity, (typeof COLUMNS)[number]>>;

export type SettingsEvent = Pick<
  EventEnvelope<'com.stackflow.integration.settings.changed.v1'>,
  'tenant' | 'sequence' | 'data'
>;

/**
 * SQL that creates the table of settings. `host` is not unique here: if a host name moves to another tenant, the events
 * of both tenants may arrive in either order. The hub keeps host names unique.
 */
export function settingsTableSql(schema: string): string {
  return `
    create table ${identifier(schema)}.tenant_settings (
      tenant_id uuid primary key,
      slug text not null unique,
      host text,
      version bigint not null,
      settings jsonb not null,
      received_at timestamptz not null default clock_timestamp()
    );
    create index tenant_settings_received_at on ${identifier(schema)}.tenant_settings (received_at);`;
}

export function copyOf(event: SettingsEvent): TenantCopy {
  const { slug, host } = event.data.tenant;
  return { tenantId: event.tenant, slug, host, version: event.sequence, settings: event.data };
}

/**
 * Stores the settings, unless the table has this version or a newer one. Returns true if the settings were stored. The
 * inbox refuses repeated events, but the version must still be compared, because a replay may begin with an empty
 * inbox. Locks the tenant's row until commit.
 */
export async function applySettings(tx: Tx, event: SettingsEvent): Promise<boolean> {
  const { tenantId, slug, host, version, settings } = copyOf(event);
  const rows = await tx.query(
    `insert into tenant_settings as t (tenant_id, slug, host, version, settings) values ($1, $2, $3, $4, $5)
     on conflict (tenant_id) do update
       set slug = excluded.slug, host = excluded.host, version = excluded.version, settings = excluded.settings, received_at = clock_timestamp()
       where t.version < excluded.version
     returning version`,
    [tenantId, slug, host, version, JSON.stringify(settings)],
  );
  return rows.length > 0;
}

/** Returns the settings of one tenant, or null if the tenant is unknown. */
export async function settingsOf(queryable: Queryable, schema: string, tenantId: string): Promise<TenantCopy | null> {
  const [copy] = await queryable.query<TenantCopy>(`${select(schema)} where tenant_id = $1`, [tenantId]);
  return copy ?? null;
}

/**
 * Returns the settings that were received after `since`, or all if `since` is null. Also returns the erased tenants, and
 * the database's time, from which the next refresh continues.
 */
export async function settingsSince(
  queryable: Queryable,
  schema: string,
  since: Date | null,
): Promise<{ copies: TenantCopy[]; erased: string[]; readAt: Date }> {
  const now = await queryable.query<{ now: Date }>('select clock_timestamp() as now');
  const copies = await queryable.query<TenantCopy>(
    `${select(schema)} where $1::timestamptz is null or received_at > $1`,
    [since],
  );
  const erased = await queryable.query<{ tenant: string }>(`select tenant from ${identifier(schema)}.erased_tenant`);
  return { copies, erased: erased.map(({ tenant }) => tenant), readAt: now[0]?.now ?? new Date(0) };
}

const select = (schema: string): string =>
  `select ${columnsOf(TenantSettingsEntity, { only: COLUMNS })} from ${identifier(schema)}.tenant_settings`;

function identifier(schema: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(schema)) throw new Error(`not a plain schema name: ${schema}`);
  return schema;
}
