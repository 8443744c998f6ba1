/** The statements of sessions. Times are the database's own: one clock for all replicas. */
import { prepared } from '#platform';

/** Everything about a secret's session. `$2`: minutes that it may idle, `$3`: seconds that a replaced secret stays good. */
export const FIND = prepared(`
  select s.id, s.tenant, s.account_id as "accountId", s.okta_issuer as "oktaIssuer", s.okta_sub as "oktaSub",
         s.created_at as "createdAt", s.expires_at as "expiresAt",
         s.refresh_token as "refreshToken", s.id_token as "idToken",
         s.expires_at <= clock_timestamp() or s.last_used_at <= clock_timestamp() - make_interval(mins => $2) as expired,
         s.last_used_at <= clock_timestamp() - interval '1 minute' as "restedLong",
         k.replaced_at is not null as replaced,
         coalesce(k.replaced_at <= clock_timestamp() - make_interval(secs => $3), false) as reused,
         a.user_name as "userName", a.email, a.display_name as "displayName", a.roles,
         a.access_version::int as "accessVersion",
         coalesce(a.account_status = 'active' and a.access_status = 'active'
                  and (a.not_before is null or a.not_before <= s.created_at), false) as "hasAccess"
  from session_secret k join session s on s.id = k.session_id join account a on a.id = s.account_id
  where k.hash = $1 and s.tenant = $4`);

export interface SessionRow {
  readonly id: string;
  readonly tenant: string;
  readonly accountId: string;
  readonly oktaIssuer: string;
  readonly oktaSub: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly refreshToken: Buffer;
  readonly idToken: Buffer;
  readonly expired: boolean;
  readonly restedLong: boolean;
  readonly replaced: boolean;
  readonly reused: boolean;
  readonly userName: string | null;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly roles: readonly string[];
  readonly accessVersion: number;
  readonly hasAccess: boolean;
}

/**
 * Before FIND, in the same transaction: of several refreshes with one secret each finds what the one before has done. A
 * statement of its own, because \`for update\` in FIND would wait and then see the secret's row as it was before.
 */
export const LOCK = `
  select 1 from session where id = (select session_id from session_secret where hash = $1) for update`;

export const TOUCH = `update session set last_used_at = clock_timestamp() where id = $1`;
export const END = `delete from session where id = $1 returning tenant, account_id as "accountId"`;
export const REPLACE = `update session_secret set replaced_at = clock_timestamp() where hash = $1 and replaced_at is null`;
export const ADD_SECRET = `insert into session_secret (hash, session_id) values ($1, $2)`;
/** Which of the secrets `$2` belongs to the session, and whether it is the current one. */
export const WHICH_SECRET = `
  select hash, replaced_at is null as current from session_secret where session_id = $1 and hash = any ($2::bytea[])`;
/** Under the account's lock it was found to be past the fence; a fence by a clock that is ahead of ours must not end it. */
export const CREATE = `
  insert into session (id, tenant, account_id, okta_issuer, okta_sub, created_at, expires_at, refresh_token, id_token)
  select $1::uuid, $2::uuid, a.id, $4, $5, greatest(clock_timestamp(), a.not_before), clock_timestamp() + make_interval(hours => $6), $7::bytea, $8::bytea
    from account a where a.id = $3
  returning expires_at as "expiresAt"`;
export const REFRESH_TOKEN = `select refresh_token as "refreshToken" from session where id = $1`;
export const KEEP_REFRESH_TOKEN = `update session set refresh_token = $2 where id = $1`;
