/** Sign-outs that are not complete. The statements lock the accounts, so logins and events wait for the commit. */
import type { Queryable, Tx } from '#platform';
import type { LogoutSubject } from './logout-request.js';

const BY: Readonly<Record<LogoutSubject['format'], string>> = {
  iss_sub: 'external_id = $2',
  // Okta user names are e-mail addresses, so the user name replaces a missing address.
  email: 'lower(coalesce(email, user_name)) = lower($2)',
};

/**
 * Locks the accounts in the order of their ids, as logins do. If several people share an address, all are signed out.
 */
export async function lockSubject(tx: Tx, tenant: string, subject: LogoutSubject, limit: number): Promise<string[]> {
  const value = subject.format === 'email' ? subject.email : subject.sub;
  const text = `select id from account where tenant = $1 and ${BY[subject.format]} order by id limit $3 for update`;
  return (await tx.query<{ id: string }>(text, [tenant, value, limit])).map((row) => row.id);
}

/** Replaces a pending sign-out. deactivation-worker must receive the new one, even if it has received the old one. */
export async function addSignOut(tx: Tx, accounts: readonly string[], id: string): Promise<void> {
  await tx.query(
    `update account set signing_out = $2, signing_out_announced = false, signing_out_attempts = 0, signing_out_due_at = clock_timestamp()
      where id = any($1::uuid[])`,
    [accounts, id],
  );
}

export interface PendingSignOut {
  readonly account: string;
  readonly tenant: string;
  readonly logout: string;
  /** True if deactivation-worker has accepted the sign-out. */
  readonly announced: boolean;
  /** True if an event about the account's access has arrived. */
  readonly known: boolean;
}

/** Length of the lease on claimed rows. If the process dies, another process can claim the rows after this time. */
const LEASE_SECONDS = 10;

export const claimPending = (queryable: Queryable, limit: number): Promise<PendingSignOut[]> =>
  queryable.query<PendingSignOut>(
    `update account set signing_out_due_at = clock_timestamp() + interval '${LEASE_SECONDS} seconds'
      where id in (select id from account where signing_out is not null and signing_out_due_at <= clock_timestamp()
                   order by signing_out_due_at limit $1 for update skip locked)
     returning id as account, tenant, signing_out as logout, signing_out_announced as announced, access_version > 0 as known`,
    [limit],
  );

export async function markAnnounced(queryable: Queryable, { account, logout }: PendingSignOut): Promise<void> {
  await queryable.query('update account set signing_out_announced = true where id = $1 and signing_out = $2', [
    account,
    logout,
  ]);
}

/** Returns false if a later logout has replaced this one, or if the event with the fence has not arrived yet. */
export async function complete(tx: Tx, { account, logout }: PendingSignOut, accessVersion: number): Promise<boolean> {
  const rows = await tx.query(
    `update account set signing_out = null, signing_out_announced = false, signing_out_due_at = null
      where id = $1 and signing_out = $2 and access_version >= $3 returning 1`,
    [account, logout, accessVersion],
  );
  return rows.length > 0;
}

/** Postpones the next attempt. The first attempts follow quickly, later ones every three seconds. */
export async function retryLater(queryable: Queryable, { account, logout }: PendingSignOut): Promise<void> {
  await queryable.query(
    `update account set signing_out_attempts = signing_out_attempts + 1,
            signing_out_due_at = clock_timestamp() + least(0.05 * 2 ^ least(signing_out_attempts, 10), 3) * interval '1 second'
      where id = $1 and signing_out = $2`,
    [account, logout],
  );
}
