/**
 * Copies of accounts and of their access. Each write locks the account's row until commit. A login locks the same row
 * in shared mode, so a login and a write of one account wait for each other.
 */
import type { Access, Account, AccessUser } from '#events';
import { columnsOf, prepared, type Queryable, type Tx } from '#platform';
import { AccountCopyEntity } from './account-copy.entity.js';
import { ADMISSION_FIELDS, type AccountCopy } from './admission.js';

/**
 * `stale`: the same or a newer version is stored. `foreign`: the id is of another tenant. Both mean that nothing was
 * written.
 */
export type Stored = 'stored' | 'stale' | 'foreign';

async function stored(tx: Tx, tenant: string, id: string, sql: string, values: unknown[]): Promise<Stored> {
  if ((await tx.query(sql, [id, tenant, ...values])).length > 0) return 'stored';
  const [row] = await tx.query<{ tenant: string }>('select tenant from account where id = $1', [id]);
  return row?.tenant === tenant ? 'stale' : 'foreign';
}

/** Stores nothing personal about a removed person. The id and the status are enough to refuse their sessions. */
export function storeAccount(tx: Tx, tenant: string, version: number, account: Account): Promise<Stored> {
  const { id, externalId, userName, email, displayName, status } = account;
  const personal = status === 'removed' ? [null, null, null, null] : [externalId, userName, email, displayName];
  return stored(
    tx,
    tenant,
    id,
    `insert into account as a (id, tenant, version, external_id, user_name, email, display_name, account_status)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do update set version = excluded.version, external_id = excluded.external_id,
       user_name = excluded.user_name, email = excluded.email, display_name = excluded.display_name,
       account_status = excluded.account_status
     where a.tenant = excluded.tenant and a.version < excluded.version returning id`,
    [version, ...personal, status],
  );
}

export const storeAccess = (tx: Tx, tenant: string, version: number, access: Access): Promise<Stored> =>
  stored(
    tx,
    tenant,
    access.account,
    `insert into account as a (id, tenant, access_version, access_status, roles, not_before)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (id) do update set access_version = excluded.access_version, access_status = excluded.access_status,
       roles = excluded.roles, not_before = excluded.not_before
     where a.tenant = excluded.tenant and a.access_version < excluded.access_version returning id`,
    [version, access.status, [...access.roles], access.notBefore],
  );

export async function storeExpected(
  tx: Tx,
  tenant: string,
  version: number,
  { id, externalId, active, deleted }: AccessUser,
): Promise<void> {
  await tx.query(
    `insert into expected_person as e (id, tenant, version, external_id, active) values ($1, $2, $3, $4, $5)
     on conflict (id) do update set version = excluded.version, external_id = excluded.external_id, active = excluded.active
     where e.tenant = excluded.tenant and e.version < excluded.version`,
    [id, tenant, version, deleted ? null : externalId, active && !deleted],
  );
}

export interface KnownAccounts {
  readonly accounts: readonly AccountCopy[];
  /** True if there is no account, but the directory has an active person with this Okta id. */
  readonly expected: boolean;
}

const SELECT = `select ${columnsOf(AccountCopyEntity, { only: ADMISSION_FIELDS })} from account
  where tenant = $1 and external_id = $2`;
const findSql = prepared(SELECT);
const findExpectedSql = prepared('select 1 from expected_person where tenant = $1 and external_id = $2 and active');

/** Only the Okta id links a person to an account, never an e-mail address (nOAuth). */
export async function findByExternalId(
  queryable: Queryable,
  tenant: string,
  externalId: string,
): Promise<KnownAccounts> {
  const values = [tenant, externalId];
  const accounts = await queryable.query<AccountCopy>(findSql, values);
  if (accounts.length > 0) return { accounts, expected: false };
  const expected = await queryable.query(findExpectedSql, values);
  return { accounts, expected: expected.length > 0 };
}

/**
 * Finds an account with access that has this address. The result is for the audit only and must never admit a person.
 */
export async function namesakeOf(queryable: Queryable, tenant: string, email: string): Promise<string | null> {
  const [row] = await queryable.query<{ id: string }>(
    `select id from account where tenant = $1 and lower(coalesce(email, user_name)) = lower($2)
        and account_status = 'active' and access_status = 'active' limit 1`,
    [tenant, email],
  );
  return row?.id ?? null;
}

/**
 * Locks the accounts in shared mode, so an event that removes access waits until the login or exchange has committed.
 */
export const lockAccounts = (tx: Tx, tenant: string, externalId: string): Promise<AccountCopy[]> =>
  tx.query<AccountCopy>(`${SELECT} order by id for share`, [tenant, externalId]);
