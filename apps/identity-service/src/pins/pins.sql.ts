/** Which group a mapping by name belongs to, and which groups wait for an administrator. */

/** SQL condition: the mapping of the name `key` gives the strongest role of the tenant `tenant`. */
const givesStrongest = (tenant: string, key: string): string =>
  `exists (select 1 from role_mapping s where s.tenant = ${tenant} and s.group_key = ${key} and s.precedence = 0)`;

/**
 * SQL condition for a mapped group `of`, with the columns of its pin and its mapping, and for an account: the group gives
 * the role. An unconfirmed pin gives the strongest role only to people who had it through the deleted predecessor. So a
 * group that Okta pushes again, with a new id, locks nobody out and gives nobody more than before.
 */
export const pinGivesRole = (
  of: string,
  account: string,
): string => `(${of}.confirmed is not false or ${of}.precedence > 0 or exists (
  select 1 from role_grant h join directory_group p on p.id = ${of}.predecessor
   where h.account_id = ${account} and h.role = ${of}.role and h.granted_group = p.id
     and (h.revoked_at is null or h.revoked_causation_id = p.causation_id)))`;

/**
 * Pins the groups that bear a mapped name: the first group, or the next one after the pinned group was deleted. While
 * the pinned group exists, no other group replaces it. The strongest role needs a confirmation if a group was renamed to
 * the name, if it replaces a deleted group, or if the mapping is an unused default beside mappings of the tenant's own.
 *
 * The caller holds the tenant's lock exclusively. `$2` contains the keys of unused defaults. Returns the groups whose
 * members need an evaluation.
 */
export const settlePins = `
  with bearer as (
    select distinct on (m.group_key) m.group_key, d.id, d.renamed
      from role_mapping m join directory_group d on d.tenant = m.tenant and d.name_key = m.group_key and not d.deleted
     where m.tenant = $1 order by m.group_key, d.id
  )
  insert into group_pin as n (tenant, name_key, group_id, confirmed)
  select $1, b.group_key, b.id, not (b.renamed or b.group_key = any($2::text[])) or not ${givesStrongest('$1', 'b.group_key')} from bearer b
  on conflict (tenant, name_key) do update
    set group_id = excluded.group_id, predecessor = n.group_id, pinned_at = clock_timestamp(), confirmed_by = null,
        confirmed = not ${givesStrongest('$1', 'n.name_key')}
    where n.group_id <> excluded.group_id and exists (select 1 from directory_group g where g.id = n.group_id and g.deleted)
  returning n.group_id as id`;

/**
 * Pins the groups that bear a name which an administrator has just mapped, and removes the pins of names that are no
 * longer mapped. The administrator saw these groups, so nothing waits. `$2`: the newly mapped names.
 */
export const pinMapped = `
  with gone as (
    delete from group_pin n where n.tenant = $1 and not exists (select 1 from role_mapping m where m.tenant = n.tenant and m.group_key = n.name_key)
  )
  insert into group_pin (tenant, name_key, group_id, confirmed)
  select distinct on (d.name_key) d.tenant, d.name_key, d.id, true
    from directory_group d where d.tenant = $1 and not d.deleted and d.name_key = any($2::text[]) order by d.name_key, d.id
  on conflict do nothing`;

/**
 * The groups that wait for an administrator: a group that bears the name of another, existing group's pin gives nothing,
 * and an unconfirmed pin gives the strongest role to nobody new. `scope` is a condition on `n`.
 */
const waiting = (scope: string): string => `
  select n.tenant, n.name_key, d.id as "groupId", d.display_name as name, ${givesStrongest('n.tenant', 'n.name_key')} as strongest,
         array(select m.role from role_mapping m where m.tenant = n.tenant and m.group_key = n.name_key order by m.precedence) as roles,
         (select count(*)::int from membership b where b.group_id = d.id) as members
    from group_pin n
    join lateral (
      select * from directory_group o where o.id = n.group_id and not n.confirmed and ${givesStrongest('n.tenant', 'n.name_key')}
      union all
      select * from directory_group o where o.tenant = n.tenant and o.name_key = n.name_key and o.id <> n.group_id
    ) d on not d.deleted
   where ${scope}`;

export const waitingOfTenant = `${waiting('n.tenant = $1')} order by n.name_key, d.id`;
export const waitingByRole = `select case when strongest then 'strongest' else 'other' end as role, count(*)::int as groups from (${waiting('true')}) w group by 1`;

export interface WaitingGroup {
  readonly name_key: string;
  readonly groupId: string;
  readonly name: string;
  readonly strongest: boolean;
  readonly roles: readonly string[];
  readonly members: number;
}

export const pinsOfTenant = `
  select n.name_key, n.group_id as "groupId", d.display_name as name, d.deleted, n.pinned_at as "pinnedAt", n.confirmed, n.confirmed_by as "confirmedBy",
         array(select m.role from role_mapping m where m.tenant = n.tenant and m.group_key = n.name_key order by m.precedence) as roles
    from group_pin n join directory_group d on d.id = n.group_id where n.tenant = $1 order by n.name_key`;

export interface PinRow extends Omit<WaitingGroup, 'strongest' | 'members'> {
  readonly deleted: boolean;
  readonly pinnedAt: Date;
  readonly confirmed: boolean;
  readonly confirmedBy: string | null;
}

/**
 * Pins the waiting group `$2` to its mapped name. The caller holds the tenant's lock exclusively. Returns both groups
 * whose members need an evaluation.
 */
export const confirmPin = `
  with chosen as (select n.tenant, n.name_key, n.group_id as before from group_pin n
    join directory_group d on d.id = $2 and d.tenant = n.tenant and not d.deleted
   where n.tenant = $1 and (n.group_id = d.id and not n.confirmed or n.group_id <> d.id and n.name_key = d.name_key))
  update group_pin n set group_id = $2, confirmed = true, confirmed_by = $3, predecessor = null,
         pinned_at = case when n.group_id = $2 then n.pinned_at else clock_timestamp() end
    from chosen where n.tenant = chosen.tenant and n.name_key = chosen.name_key
  returning n.name_key, chosen.before`;
