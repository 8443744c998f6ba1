/**
 * A service's own copy of the tenants' settings, fed by `integration.settings`. Each consuming service keeps the table
 * in its schema; the hub alone decides what stands in it.
 */
import type { EventEnvelope, TenantSettings } from '#events';
import type { Queryable, Tx } from '#platform';

export interface TenantCopy {
  readonly tenantId: string;
  readonly slug: string;
  readonly host: string | null;
  /** Version of the settings = `sequence` of the event that brought them. */
  readonly version: number;
  readonly settings: TenantSettings;
}

export type SettingsEvent = Pick<
  EventEnvelope<'com.stackflow.integration.settings.changed.v1'>,
  'tenant' | 'sequence' | 'data'
>;

/**
 * For the service's first migration. `host` is not unique here, on purpose: when a host name moves from one tenant to
 * another, the two events have different keys and may arrive in either order. The hub guards its uniqueness.
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

/** The copy of an event, as it will stand in the table. */
export function copyOf(event: SettingsEvent): TenantCopy {
  const { tenant } = event.data;
  return {
    tenantId: event.tenant,
    slug: tenant.slug,
    host: tenant.host,
    version: event.sequence,
    settings: event.data,
  };
}

/**
 * Stores the settings unless a newer version stands there already; true = stored. The inbox gates repetitions too;
 * the version here also protects against a replay into a fresh inbox.
 *
 * Locks the tenant's row until the transaction ends. Writes into the schema of the session's search path, which
 * `Database` sets to the service's own.
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

/** The settings in force of one tenant as this service knows them; null = no such tenant (yet). */
export async function settingsOf(queryable: Queryable, schema: string, tenantId: string): Promise<TenantCopy | null> {
  const rows = await queryable.query<Row>(`${select(schema)} where tenant_id = $1`, [tenantId]);
  return rows[0] ? fromRow(rows[0]) : null;
}

/** Copies received after `since` (all of them without it), with the database's clock, for incremental refreshes. */
export async function settingsSince(
  queryable: Queryable,
  schema: string,
  since: Date | null,
): Promise<{ copies: TenantCopy[]; readAt: Date }> {
  const now = await queryable.query<{ now: Date }>('select clock_timestamp() as now');
  const rows = await queryable.query<Row>(`${select(schema)} where $1::timestamptz is null or received_at > $1`, [
    since,
  ]);
  return { copies: rows.map(fromRow), readAt: now[0]?.now ?? new Date(0) };
}

interface Row {
  tenant_id: string;
  slug: string;
  host: string | null;
  version: string;
  settings: TenantSettings;
}

const select = (schema: string): string =>
  `select tenant_id, slug, host, version, settings from ${identifier(schema)}.tenant_settings`;

const fromRow = (row: Row): TenantCopy => ({
  tenantId: row.tenant_id,
  slug: row.slug,
  host: row.host,
  version: Number(row.version),
  settings: row.settings,
});

function identifier(schema: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(schema)) throw new Error(`not a plain schema name: ${schema}`);
  return schema;
}
