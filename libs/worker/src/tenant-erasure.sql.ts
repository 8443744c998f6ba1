/**
 * SQL of the erasure of tenants. Roles of running services cannot delete evidence. A function of the schema's owner
 * deletes rows for them, but only rows of a tenant in `erased_tenant`, and no service can remove a tenant from there.
 */

/** A table to erase. `where` selects the rows of the tenant `of_tenant`; the default compares the column `tenant`. */
export interface ErasedTable {
  readonly table: string;
  readonly where?: string;
}

export const byTenantId = `tenant_id = of_tenant`;
/** Keys of events are `tenant:subject`. */
const byKey = `starts_with(key, of_tenant || ':')`;

/** Tables that every service with events has. Its copy of the settings is erased last. */
export const consumerTables: readonly ErasedTable[] = [
  { table: 'deferred_event' },
  ...['parked_event', 'skipped_event', 'inbox'].map((table) => ({ table, where: byKey })),
];

/** Evidence of an erasure: a service can neither delete it nor rename the tenant in it. */
export const erasureEvidence = {
  tenant_erasure: 'select, insert, update (people, waits_for, closed_at, finished_at, rows)',
  erased_tenant: 'select, insert',
} as const;

/** `tables` in the order of deletion: rows that refer to others come first. */
export function tenantErasureSql(schema: string, tables: readonly ErasedTable[]): string {
  const steps = tables.map(
    ({ table, where = 'tenant = of_tenant' }) => `
    delete from ${schema}.${table} where ctid = any(array(select ctid from ${schema}.${table} where ${where} limit batch));
    get diagnostics deleted = row_count;
    if deleted > 0 then return deleted; end if;`,
  );
  return `
  create table if not exists ${schema}.erased_tenant (
    tenant uuid primary key,
    erased_at timestamptz not null default clock_timestamp()
  );
  create table ${schema}.tenant_erasure (
    tenant uuid primary key,
    slug text not null,
    requested_by text not null,
    requested_at timestamptz not null default clock_timestamp(),
    people int,
    waits_for text,
    closed_at timestamptz,
    finished_at timestamptz,
    rows bigint not null default 0
  );
  -- Deletes at most one batch of one table. Returns 0 when nothing of the tenant is left.
  create function ${schema}.erase_tenant(of_tenant uuid, batch int) returns bigint
    language plpgsql security definer set search_path = pg_catalog as $$
  declare deleted bigint;
  begin
    if not exists (select 1 from ${schema}.erased_tenant where tenant = of_tenant) then
      raise exception 'tenant % is not being erased', of_tenant;
    end if;${steps.join('')}
    return 0;
  end $$;
  revoke all on function ${schema}.erase_tenant(uuid, int) from public`;
}

const VIEW = `tenant, slug, requested_by as "by", requested_at as "requestedAt",
  case when finished_at is not null then 'done' when closed_at is not null then 'erasing' else 'closing' end as state,
  waits_for as "waitsFor", people, rows::float8 as rows, finished_at as "finishedAt"`;

export const erasureOf = `select ${VIEW} from tenant_erasure where tenant = $1`;
export const latestErasureOfSlug = `select ${VIEW} from tenant_erasure where slug = $1 order by requested_at desc limit 1`;

export const insertErasure = `
  insert into tenant_erasure (tenant, slug, requested_by, people) values ($1, $2, $3, $4)
  on conflict (tenant) do update set people = coalesce(tenant_erasure.people, excluded.people)`;

/** `isSettled`: whether no request or transaction that began before the latest step can still be running. */
export const unfinishedErasures = (seconds: number): string => `
  select tenant, requested_by as "by", people, closed_at as "closedAt",
         coalesce(closed_at, requested_at) < clock_timestamp() - interval '${seconds} seconds' as "isSettled"
    from tenant_erasure where finished_at is null order by requested_at`;

export const markErased = `insert into erased_tenant (tenant) values ($1) on conflict do nothing`;
export const eraseTenantBatch = (schema: string): string => `select ${schema}.erase_tenant($1, $2)::float8 as rows`;
