/**
 * What the worker knows of people. Each projection locks the person's row until its transaction ends, and is gated by
 * the version of its source: nothing older than what is known changes anything (P3).
 */
import type { Access, DirectoryUser } from '#events';
import { prepared, type Prepared, type Tx } from '#platform';
import type { DoorState, OktaState } from './closing.js';

export interface Person extends DoorState {
  readonly id: string;
  readonly tenant: string;
  readonly directoryVersion: number;
  readonly accessVersion: number;
  /** Before the projection he was wanted in: no closing can be waiting. */
  readonly wasIn: boolean;
  readonly wasProvisioned: boolean;
  readonly notBefore: Date | null;
}

interface PersonRow {
  id: string;
  tenant: string;
  directory_version: string;
  active: boolean;
  deleted: boolean;
  okta_state: OktaState | null;
  door: 'open' | 'closed';
  roles: string[];
  provisioned: boolean;
  access_version: string;
  published_status: Access['status'] | null;
  published_roles: string[];
  not_before: Date | null;
  was_in: boolean;
  was_provisioned: boolean;
}

const STATE =
  'id, tenant, directory_version, active, deleted, okta_state, door, roles, provisioned, access_version, published_status, published_roles, not_before';
const qualified = (prefix: string): string =>
  STATE.split(', ')
    .map((column) => `${prefix}.${column}`)
    .join(', ');

/** `old` is the row before (PG 18); of a row that was just made it is null. */
const RETURNING = `
  returning ${qualified('new')}, coalesce(old.active and not old.deleted and old.okta_state is null, true) as was_in,
            coalesce(old.provisioned, false) as was_provisioned`;

/**
 * A reactivation is newer than an earlier finding that Okta had the person no longer. It says nothing about a
 * suspension, which Okta never tells over SCIM.
 */
const projectDirectorySql = prepared(`
  insert into person as p (id, tenant, directory_version, user_name, external_id, display_name, active, deleted)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (id) do update
    set directory_version = excluded.directory_version, user_name = excluded.user_name, external_id = excluded.external_id,
        display_name = excluded.display_name, active = excluded.active, deleted = excluded.deleted,
        okta_state = case when $9 and p.okta_state in ('deprovisioned', 'missing') and p.okta_state_at < $10 then null else p.okta_state end,
        updated_at = clock_timestamp()
    where p.directory_version < excluded.directory_version and p.tenant = excluded.tenant and not p.deleted
  ${RETURNING}`);

/** Identity-service tells of accounts that Cognito has; the names are the directory's business. */
const projectAccountSql = prepared(`
  insert into person as p (id, tenant, account_version, provisioned, roles)
  values ($1, $2, $3, true, $4)
  on conflict (id) do update
    set account_version = excluded.account_version, provisioned = true, roles = excluded.roles, updated_at = clock_timestamp()
    where p.account_version < excluded.account_version and p.tenant = excluded.tenant
  ${RETURNING}`);

/** Locks in the order of the ids. Equal instants are repetitions. */
const projectOktaSql = `
  with those as (
    select id from person
     where tenant = $1 and (id = $2::uuid or external_id = $3) and not deleted and (okta_state_at is null or okta_state_at < $5)
     order by id for update
  )
  update person p set okta_state = $4, okta_state_at = $5, updated_at = clock_timestamp() from those where p.id = those.id
  ${RETURNING}`;

/** Locks in the order of the ids. */
const peopleByIdSql = `
  select ${STATE}, false as was_in, provisioned as was_provisioned from person where tenant = $1 and id = any($2::uuid[]) order by id for update`;

/** `stale` = newer things are known; `foreign` = the id belongs to another tenant. */
export type Projected = Person | 'stale' | 'foreign';

export interface DirectoryChange {
  readonly tenant: string;
  readonly version: number;
  readonly user: DirectoryUser;
  readonly deleted: boolean;
  readonly reactivated: boolean;
  readonly time: string;
}

export function projectDirectory(tx: Tx, change: DirectoryChange): Promise<Projected> {
  const { tenant, version, user, deleted, reactivated, time } = change;
  return project(tx, tenant, user.id, projectDirectorySql, [
    user.id,
    tenant,
    version,
    user.userName,
    user.externalId,
    user.displayName,
    user.active,
    deleted,
    reactivated,
    time,
  ]);
}

export function projectAccount(
  tx: Tx,
  tenant: string,
  version: number,
  account: { readonly id: string; readonly roles: readonly string[] },
): Promise<Projected> {
  return project(tx, tenant, account.id, projectAccountSql, [account.id, tenant, version, account.roles]);
}

async function project(tx: Tx, tenant: string, id: string, sql: Prepared, values: unknown[]): Promise<Projected> {
  const [row] = await tx.query<PersonRow>(sql, values);
  if (row) return toPerson(row);
  const [owner] = await tx.query<{ tenant: string }>('select tenant from person where id = $1', [id]);
  return owner && owner.tenant !== tenant ? 'foreign' : 'stale';
}

export async function projectOkta(
  tx: Tx,
  tenant: string,
  who: { readonly accountId: string } | { readonly externalId: string },
  state: OktaState | null,
  at: Date,
): Promise<Person[]> {
  const id = 'accountId' in who ? who.accountId : null;
  const externalId = 'externalId' in who ? who.externalId : null;
  return (await tx.query<PersonRow>(projectOktaSql, [tenant, id, externalId, state, at])).map(toPerson);
}

export async function lockPeople(tx: Tx, tenant: string, ids: readonly string[]): Promise<Person[]> {
  return (await tx.query<PersonRow>(peopleByIdSql, [tenant, ids])).map(toPerson);
}

const toPerson = (row: PersonRow): Person => ({
  id: row.id,
  tenant: row.tenant,
  directoryVersion: Number(row.directory_version),
  active: row.active,
  deleted: row.deleted,
  oktaState: row.okta_state,
  door: row.door,
  roles: row.roles,
  provisioned: row.provisioned,
  accessVersion: Number(row.access_version),
  publishedStatus: row.published_status,
  publishedRoles: row.published_roles,
  notBefore: row.not_before,
  wasIn: row.was_in,
  wasProvisioned: row.was_provisioned,
});
