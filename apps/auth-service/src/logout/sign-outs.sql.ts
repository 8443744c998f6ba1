/** Who has to be signed out everywhere. Each statement takes the rows' locks, which a login and an event wait for. */
import type { Queryable, Tx } from '#platform';
import type { Subject } from './logout-request.js';

const BY: Readonly<Record<Subject['format'], string>> = {
  iss_sub: 'external_id = $2',
  // Where the directory has no address, Okta's user name is one.
  email: 'lower(coalesce(email, user_name)) = lower($2)',
};

/** In the order of the ids, as logins lock them. An address may be several people's: then all of them are meant. */
export async function lockSubject(tx: Tx, tenant: string, subject: Subject, limit: number): Promise<string[]> {
  const value = subject.format === 'email' ? subject.email : subject.sub;
  const text = `select id from account where tenant = $1 and ${BY[subject.format]} order by id limit $3 for update`;
  return (await tx.query<{ id: string }>(text, [tenant, value, limit])).map((row) => row.id);
}

/** `id` takes the place of an earlier logout that is not done: what was told of that one does not count for this. */
export async function oweSignOut(tx: Tx, accounts: readonly string[], id: string): Promise<void> {
  await tx.query(
    `update account set signing_out = $2, signing_out_told = false, signing_out_attempts = 0, signing_out_due_at = clock_timestamp()
      where id = any($1::uuid[])`,
    [accounts, id],
  );
}

export interface Owed {
  readonly account: string;
  readonly tenant: string;
  readonly logout: string;
  readonly told: boolean;
  readonly known: boolean;
}

/** For these seconds the rows are ours; a process that dies leaves them to the next. `known`: of its access something was heard. */
const LEASE_SECONDS = 10;

export const claimOwed = (queryable: Queryable, limit: number): Promise<Owed[]> =>
  queryable.query<Owed>(
    `update account set signing_out_due_at = clock_timestamp() + interval '${LEASE_SECONDS} seconds'
      where id in (select id from account where signing_out is not null and signing_out_due_at <= clock_timestamp()
                   order by signing_out_due_at limit $1 for update skip locked)
     returning id as account, tenant, signing_out as logout, signing_out_told as told, access_version > 0 as known`,
    [limit],
  );

export async function markTold(queryable: Queryable, { account, logout }: Owed): Promise<void> {
  await queryable.query('update account set signing_out_told = true where id = $1 and signing_out = $2', [
    account,
    logout,
  ]);
}

/** False = a later logout took its place, or the event with the fence has not been handled here. */
export async function settle(tx: Tx, { account, logout }: Owed, accessVersion: number): Promise<boolean> {
  const rows = await tx.query(
    `update account set signing_out = null, signing_out_told = false, signing_out_due_at = null
      where id = $1 and signing_out = $2 and access_version >= $3 returning 1`,
    [account, logout, accessVersion],
  );
  return rows.length > 0;
}

/** Soon at first, then every few seconds. */
export async function comeBackLater(queryable: Queryable, { account, logout }: Owed): Promise<void> {
  await queryable.query(
    `update account set signing_out_attempts = signing_out_attempts + 1,
            signing_out_due_at = clock_timestamp() + least(0.05 * 2 ^ least(signing_out_attempts, 10), 3) * interval '1 second'
      where id = $1 and signing_out = $2`,
    [account, logout],
  );
}
