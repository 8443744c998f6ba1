/** The SQL statements of sessions. All times come from the database, so all replicas use one clock. */
import { columnsOf, prepared } from '#platform';
import { AccountCopyEntity } from '../accounts/account-copy.entity.js';
import { BrowserSessionEntity } from './browser-session.entity.js';

const SESSION_FIELDS = [
  'id',
  'tenant',
  'accountId',
  'oktaIssuer',
  'oktaSub',
  'expiresAt',
  'refreshToken',
  'idToken',
] as const satisfies readonly (keyof BrowserSessionEntity)[];
const ACCOUNT_FIELDS = [
  'userName',
  'email',
  'displayName',
  'roles',
  'accessVersion',
] as const satisfies readonly (keyof AccountCopyEntity)[];

/** Columns of a session and of the person's account. */
export type SessionFields = Pick<BrowserSessionEntity, (typeof SESSION_FIELDS)[number]> &
  Pick<AccountCopyEntity, (typeof ACCOUNT_FIELDS)[number]>;

export interface SessionRow extends SessionFields {
  readonly expired: boolean;
  readonly unusedForAMinute: boolean;
  /** True if the secret was replaced. */
  readonly replaced: boolean;
  /** True if the secret was replaced and its grace period is over. */
  readonly reused: boolean;
  readonly hasAccess: boolean;
}

/** `$1`: hash of the secret, `$2`: allowed idle minutes, `$3`: grace seconds of a replaced secret, `$4`: tenant. */
export const FIND = prepared(`
  select ${columnsOf(BrowserSessionEntity, { alias: 's', only: SESSION_FIELDS })},
         ${columnsOf(AccountCopyEntity, { alias: 'a', only: ACCOUNT_FIELDS })},
         s.expires_at <= clock_timestamp() or s.last_used_at <= clock_timestamp() - make_interval(mins => $2) as expired,
         s.last_used_at <= clock_timestamp() - interval '1 minute' as "unusedForAMinute",
         k.replaced_at is not null as replaced,
         coalesce(k.replaced_at <= clock_timestamp() - make_interval(secs => $3), false) as reused,
         coalesce(a.account_status = 'active' and a.access_status = 'active'
                  and (a.not_before is null or a.not_before <= s.created_at), false) as "hasAccess"
  from session_secret k join session s on s.id = k.session_id join account a on a.id = s.account_id
  where k.hash = $1 and s.tenant = $4`);

/**
 * Locks the session. Run this statement before FIND, in the same transaction. Several refreshes with one secret then
 * run one after the other, and each sees the result of the previous one. FIND must not lock by itself: after waiting
 * for the lock, it would return an outdated row of the secret.
 */
export const LOCK = `
  select 1 from session where id = (select session_id from session_secret where hash = $1) for update`;

export const TOUCH = `update session set last_used_at = clock_timestamp() where id = $1`;
export const END = `delete from session where id = $1 returning tenant, account_id as "accountId"`;
export const REPLACE = `update session_secret set replaced_at = clock_timestamp() where hash = $1 and replaced_at is null`;
export const ADD_SECRET = `insert into session_secret (hash, session_id) values ($1, $2)`;
/** Finds which of the hashes `$2` belongs to the session, and whether it is the current secret. */
export const WHICH_SECRET = `
  select hash, replaced_at is null as current from session_secret where session_id = $1 and hash = any ($2::bytea[])`;
/**
 * The caller must check the fence under the account's lock. The fence may lie in the future, because the clock that set it
 * was wrong. `greatest` prevents such a fence from ending the new session.
 */
export const CREATE = `
  insert into session (id, tenant, account_id, okta_issuer, okta_sub, created_at, expires_at, refresh_token, id_token)
  select $1::uuid, $2::uuid, a.id, $4, $5, greatest(clock_timestamp(), a.not_before), clock_timestamp() + make_interval(hours => $6), $7::bytea, $8::bytea
    from account a where a.id = $3
  returning expires_at as "expiresAt"`;
export const REFRESH_TOKEN = `select refresh_token as "refreshToken" from session where id = $1`;
export const KEEP_REFRESH_TOKEN = `update session set refresh_token = $2 where id = $1`;
