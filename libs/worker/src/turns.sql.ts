export interface TurnsOptions {
  readonly table: string;
  /** SQL condition on the row `r`: equal to the condition of an index on `(tenant, ...)`. */
  readonly waiting: string;
  /** SQL condition on the row `r`: it may be claimed now. It is checked again when the row is locked. */
  readonly due: string;
  /** SQL list of columns of `r`: the order of a tenant's rows. */
  readonly order: string;
  /** SQL list of columns of `r`: what comes before the turns of tenants. */
  readonly before?: string;
  /** SQL expression: the number of rows to claim. */
  readonly limit: string;
}

/**
 * Returns a query that locks rows of a queue, tenants in turn, and selects their `id` and `lease_owner`. A tenant whose
 * rows are being worked on waits for tenants with fewer such rows, so that a tenant with thousands of rows delays no
 * other. Finds the tenants with one index probe each. `skip locked` prevents two claims from waiting for each other.
 */
export function claimInTurns({ table, waiting, due, order, before, limit }: TurnsOptions): string {
  const first = before === undefined ? '' : `${before}, `;
  return `
  with recursive tenants as (
    (select r.tenant from ${table} r where ${waiting} order by r.tenant limit 1)
    union all
    (select n.tenant from tenants t cross join lateral (
      select r.tenant from ${table} r where ${waiting} and r.tenant > t.tenant order by r.tenant limit 1) n)
  ), busy as (
    select tenant, count(*) as leased from ${table} where lease_owner is not null group by tenant
  ), turns as (
    select r.*, coalesce(b.leased, 0) + row_number() over (partition by t.tenant order by ${first}${order}) as turn
      from tenants t left join busy b on b.tenant = t.tenant
     cross join lateral (
       select r.* from ${table} r where r.tenant = t.tenant and ${waiting} and ${due} order by ${first}${order} limit ${limit}) r
  ), chosen as (
    select r.id, row_number() over (order by ${first}turn, ${order}) as n from turns r order by n limit ${limit}
  )
  select r.id, r.lease_owner from chosen join ${table} r on r.id = chosen.id
   where ${waiting} and ${due} order by chosen.n for update of r skip locked`;
}
