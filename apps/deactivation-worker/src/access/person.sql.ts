/**
 * Stores what other services and Okta report about people. Each statement locks the person's row until its transaction
 * ends. It changes nothing if the row already contains a newer version from the same source (P3).
 */
import type { OktaState } from '#contracts';
import type { AccessUser } from '#events';
import { columnsOf, prepared, type Prepared, type Tx } from '#platform';
import { PersonEntity } from './person.entity.js';

const STATE = [
  'id',
  'tenant',
  'directoryVersion',
  'active',
  'deleted',
  'oktaState',
  'desiredAccess',
  'roles',
  'provisioned',
  'accessVersion',
  'publishedStatus',
  'publishedRoles',
  'notBefore',
] as const;

export interface Person extends Pick<PersonEntity, (typeof STATE)[number]> {
  /** Whether the person was entitled to access before this change. If so, no case can be pending. */
  readonly wasEntitled: boolean;
  readonly wasProvisioned: boolean;
}

/** `old` is the row before the statement (Postgres 18). All its columns are null if the row was just inserted. */
const RETURNING = `
  returning ${columnsOf(PersonEntity, { alias: 'new', only: STATE })},
            coalesce(old.active and not old.deleted and old.okta_state is null, true) as "wasEntitled",
            coalesce(old.provisioned, false) as "wasProvisioned"`;

/**
 * A reactivation is a change from inactive to active. It clears the Okta states `deprovisioned` and `unassigned`. It does
 * not clear `suspended`, because Okta never reports suspensions over SCIM. The event of a deletion names nobody, and the
 * row keeps the names until they are erased.
 * never reports suspensions over SCIM.
 */
const storeUserSql = prepared(`
  insert into person as p (id, tenant, directory_version, user_name, external_id, display_name, active, deleted)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (id) do update
    set directory_version = excluded.directory_version, active = excluded.active, deleted = excluded.deleted,
        user_name = case when excluded.deleted then p.user_name else excluded.user_name end,
        external_id = case when excluded.deleted then p.external_id else excluded.external_id end,
        display_name = case when excluded.deleted then p.display_name else excluded.display_name end,
        okta_state = case when p.directory_version > 0 and not p.active and excluded.active
          and p.okta_state in ('deprovisioned', 'unassigned') and p.okta_state_at < $9 then null else p.okta_state end,
        updated_at = clock_timestamp()
    where p.directory_version < excluded.directory_version and p.tenant = excluded.tenant and not p.deleted
  ${RETURNING}`);

/**
 * identity-service publishes an account only after Cognito has the user, so `provisioned` becomes true. Names come only
 * from the directory.
 */
const storeAccountSql = prepared(`
  insert into person as p (id, tenant, account_version, provisioned, roles)
  values ($1, $2, $3, true, $4)
  on conflict (id) do update
    set account_version = excluded.account_version, provisioned = true, roles = excluded.roles, updated_at = clock_timestamp()
    where p.account_version < excluded.account_version and p.tenant = excluded.tenant
  ${RETURNING}`);

/**
 * Locks people in the order of their ids, so that two of these statements cannot deadlock. A state with the same time
 * as the stored state is a repetition and changes nothing.
 */
const storeOktaStateSql = `
  with those as (
    select id from person
     where tenant = $1 and (id = $2::uuid or external_id = $3) and not deleted and (okta_state_at is null or okta_state_at < $5)
     order by id for update
  )
  update person p set okta_state = $4, okta_state_at = $5, updated_at = clock_timestamp() from those where p.id = those.id
  ${RETURNING}`;

/** Locks people in the order of their ids, so that two of these statements cannot deadlock. */
const lockPeopleSql = `
  select ${columnsOf(PersonEntity, { only: STATE })}, false as "wasEntitled", provisioned as "wasProvisioned"
    from person where tenant = $1 and id = any($2::uuid[]) order by id for update`;

/** `stale`: a newer state is stored. `foreign`: the id belongs to another tenant. */
export type Stored = Person | 'stale' | 'foreign';

export interface DirectoryChange {
  readonly tenant: string;
  readonly version: number;
  readonly user: AccessUser;
  readonly time: string;
}

export function storeUser(tx: Tx, change: DirectoryChange): Promise<Stored> {
  const { tenant, version, user, time } = change;
  const { id, userName, externalId, displayName, active, deleted } = user;
  const names = [userName, externalId, displayName];
  return store(tx, tenant, id, storeUserSql, [id, tenant, version, ...names, active, deleted, time]);
}

export function storeAccount(
  tx: Tx,
  tenant: string,
  version: number,
  account: { readonly id: string; readonly roles: readonly string[] },
): Promise<Stored> {
  return store(tx, tenant, account.id, storeAccountSql, [account.id, tenant, version, account.roles]);
}

async function store(tx: Tx, tenant: string, id: string, sql: Prepared, values: unknown[]): Promise<Stored> {
  const [person] = await tx.query<Person>(sql, values);
  if (person) return person;
  const [owner] = await tx.query<{ tenant: string }>('select tenant from person where id = $1', [id]);
  return owner && owner.tenant !== tenant ? 'foreign' : 'stale';
}

export function storeOktaState(
  tx: Tx,
  tenant: string,
  who: { readonly accountId: string } | { readonly externalId: string },
  state: OktaState | null,
  at: Date,
): Promise<Person[]> {
  const id = 'accountId' in who ? who.accountId : null;
  const externalId = 'externalId' in who ? who.externalId : null;
  return tx.query<Person>(storeOktaStateSql, [tenant, id, externalId, state, at]);
}

export const lockPeople = (tx: Tx, tenant: string, ids: readonly string[]): Promise<Person[]> =>
  tx.query<Person>(lockPeopleSql, [tenant, ids]);
