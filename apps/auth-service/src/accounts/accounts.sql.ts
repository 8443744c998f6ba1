/** The copy of accounts and of their access; each statement takes the account's row lock, which a login waits for. */
import type { Access, Account, DirectoryUser } from '#events';
import { prepared, type Queryable, type Tx } from '#platform';
import type { AccountCopy } from './admission.js';

const COLUMNS = `id, tenant, version::int, user_name as "userName", email, display_name as "displayName",
  account_status as "accountStatus", access_version::int as "accessVersion", access_status as "accessStatus", roles,
  not_before as "notBefore", signing_out is not null as "signingOut"`;

/** `foreign` = the id belongs to another tenant; nothing was written. */
export type Stored = 'stored' | 'stale' | 'foreign';

async function stored(tx: Tx, tenant: string, id: string, sql: string, values: unknown[]): Promise<Stored> {
  if ((await tx.query(sql, [id, tenant, ...values])).length > 0) return 'stored';
  const [row] = await tx.query<{ tenant: string }>('select tenant from account where id = $1', [id]);
  return row?.tenant === tenant ? 'stale' : 'foreign';
}

/** Who was removed leaves no name and no address here: ids and status are enough to keep her out (P3). */
const nameable = (account: Account) =>
  account.status === 'removed' ? { userName: null, email: null, displayName: null } : account;

export const storeAccount = (tx: Tx, tenant: string, version: number, account: Account): Promise<Stored> => {
  const { userName, email, displayName } = nameable(account);
  return stored(
    tx,
    tenant,
    account.id,
    `insert into account as a (id, tenant, version, external_id, user_name, email, display_name, account_status)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do update set version = excluded.version, external_id = excluded.external_id,
       user_name = excluded.user_name, email = excluded.email, display_name = excluded.display_name,
       account_status = excluded.account_status
     where a.tenant = excluded.tenant and a.version < excluded.version returning id`,
    [version, account.externalId, userName, email, displayName, account.status],
  );
};

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

/** A person that the directory has, until she is deleted there. */
export async function storeExpected(
  tx: Tx,
  tenant: string,
  version: number,
  { id, externalId, active }: DirectoryUser,
): Promise<void> {
  await tx.query(
    `insert into expected_person as e (id, tenant, version, external_id, active) values ($1, $2, $3, $4, $5)
     on conflict (id) do update set version = excluded.version, external_id = excluded.external_id, active = excluded.active
     where e.tenant = excluded.tenant and e.version < excluded.version`,
    [id, tenant, version, externalId, active],
  );
}

export interface Known {
  readonly accounts: readonly AccountCopy[];
  readonly expected: boolean;
}

const findSql = prepared(`select ${COLUMNS} from account where tenant = $1 and external_id = $2`);
const findExpectedSql = prepared('select 1 from expected_person where tenant = $1 and external_id = $2 and active');

/** Everybody of the tenant with this Okta id: the id alone links, never an e-mail address (nOAuth). */
export async function findByExternalId(queryable: Queryable, tenant: string, externalId: string): Promise<Known> {
  const values = [tenant, externalId];
  const accounts = await queryable.query<AccountCopy>(findSql, values);
  if (accounts.length > 0) return { accounts, expected: false };
  const expected = await queryable.query(findExpectedSql, values);
  return { accounts, expected: expected.length > 0 };
}

/** Somebody with access, by an e-mail address: to tell of, never to let anybody in. */
export async function namesakeOf(queryable: Queryable, tenant: string, email: string): Promise<string | null> {
  const [row] = await queryable.query<{ id: string }>(
    `select id from account where tenant = $1 and lower(coalesce(email, user_name)) = lower($2)
        and account_status = 'active' and access_status = 'active' limit 1`,
    [tenant, email],
  );
  return row?.id ?? null;
}

/** Shares the row lock until the transaction ends: an event that takes access away waits, and then finds the session. */
export async function lockAccount(tx: Tx, tenant: string, externalId: string): Promise<readonly AccountCopy[]> {
  return tx.query<AccountCopy>(
    `select ${COLUMNS} from account where tenant = $1 and external_id = $2 order by id for share`,
    [tenant, externalId],
  );
}
