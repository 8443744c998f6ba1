/** SQL of sign-ins. Sessions and refresh tokens are stored as hashes. */
import type { ChallengeRound } from '../../../cognito-triggers/src/events.js';
import { USER, type KeyedUserRow } from './users.sql.js';

/** Stores a challenge and deletes up to 100 old ones, except rows that a concurrent sign-in is deleting. */
export const OPEN_CHALLENGE = `
  with swept as (
    delete from cognito_challenge where session_hash in (
      select session_hash from cognito_challenge
       where expires_at < clock_timestamp() - interval '1 hour' limit 100 for update skip locked))
  insert into cognito_challenge (session_hash, pool_id, client_id, username, rounds, private_parameters, metadata, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(mins => $8))`;

export interface ChallengeRow {
  pool_id: string;
  client_id: string;
  username: string;
  rounds: ChallengeRound[];
  private_parameters: Record<string, string>;
  metadata: string | null;
  uses: number;
  expired: boolean;
}

/** Counts the use of a challenge. If two answers to one challenge overlap, the second one always gets `uses` = 2. */
export const TAKE_CHALLENGE = `
  update cognito_challenge set uses = uses + 1 where session_hash = $1
  returning pool_id, client_id, username, rounds, private_parameters, metadata, uses, expires_at <= clock_timestamp() as expired`;

export interface GroupOfUser {
  name: string;
  role_arn: string | null;
}

/** The groups of a user. The group with the lowest precedence comes first. */
export const GROUPS_OF_USER = `
  select g.name, g.role_arn from cognito_membership m join cognito_group g on g.pool_id = m.pool_id and g.name = m.group_name
   where m.pool_id = $1 and m.username_key = $2
   order by g.precedence nulls last, g.name`;

/**
 * Stores a sign-in: `$3` origin_jti, `$4` client, `$5` hash and `$6` lifetime of the refresh token, `$7` jti. Returns
 * no row if the user was disabled or deleted during the sign-in. The share lock makes a concurrent AdminDisableUser
 * wait until the sign-in is stored, so that it ends this sign-in, too.
 */
export const OPEN_GRANT = `
  with u as (select pool_id, username_key from cognito_user
              where pool_id = $1 and username_key = $2 and enabled for share),
       g as (insert into cognito_grant (origin_jti, client_id, pool_id, username_key)
             select $3, $4, pool_id, username_key from u returning origin_jti, started_at),
       r as (insert into cognito_refresh_token (token_hash, origin_jti, expires_at)
             select $5, origin_jti, clock_timestamp() + make_interval(secs => $6) from g),
       a as (insert into cognito_access_token (jti, origin_jti) select $7, origin_jti from g)
  select extract(epoch from started_at)::float8 as auth_time from g`;

export type RefreshRow = KeyedUserRow & {
  origin_jti: string;
  client_id: string;
  auth_time: number;
  token_state: 'live' | 'revoked' | 'expired' | 'reused';
};

/** Finds the refresh token with hash `$1`. It is still accepted for `$2` seconds after its rotation. */
export const FIND_REFRESH_TOKEN = `
  select ${USER}, username_key, g.origin_jti, g.client_id, extract(epoch from g.started_at)::float8 as auth_time,
         case when g.revoked_at is not null or g.started_at <= coalesce(u.signed_out_at, '-infinity') then 'revoked'
              when r.expires_at <= clock_timestamp() then 'expired'
              when r.retired_at + make_interval(secs => $2) <= clock_timestamp() then 'reused'
              else 'live' end as token_state
    from cognito_refresh_token r join cognito_grant g using (origin_jti) join cognito_user u using (pool_id, username_key)
   where r.token_hash = $1`;

const LIVE_GRANT = `
  g as (select g.origin_jti from cognito_grant g join cognito_user u using (pool_id, username_key)
         where g.origin_jti = $1 and g.revoked_at is null and u.enabled
           and g.started_at > coalesce(u.signed_out_at, '-infinity') for share)`;

/**
 * Adds the access token with jti `$2`. Returns no row if the grant ended while the triggers ran, e.g. because the user
 * was disabled.
 */
export const EXTEND_GRANT = `
  with ${LIVE_GRANT}
  insert into cognito_access_token (jti, origin_jti) select $2, origin_jti from g returning 1`;

/**
 * Adds an access token like EXTEND_GRANT, and replaces refresh token `$3` by `$4` with the same expiry. If two calls
 * rotate one token, the second call waits for the row lock. It gets no row if the grace period of `$5` seconds is over.
 */
export const ROTATE_GRANT = `
  with ${LIVE_GRANT},
       old as (update cognito_refresh_token r set retired_at = coalesce(retired_at, clock_timestamp())
                 from g where r.origin_jti = g.origin_jti and r.token_hash = $3
                  and (r.retired_at is null or r.retired_at + make_interval(secs => $5) > clock_timestamp())
               returning r.origin_jti, r.expires_at),
       r as (insert into cognito_refresh_token (token_hash, origin_jti, expires_at) select $4, origin_jti, expires_at from old)
  insert into cognito_access_token (jti, origin_jti) select $2, origin_jti from old returning 1`;

/** Ends the grant of a refresh token. RevokeToken reports no error for an unknown token. */
export const REVOKE_GRANT = `
  update cognito_grant g set revoked_at = coalesce(revoked_at, clock_timestamp())
    from cognito_refresh_token r
   where r.origin_jti = g.origin_jti and r.token_hash = $1 and g.client_id = $2`;

/** Finds the user of the access token with jti `$1`. Returns no row if the token was revoked. */
export const USER_OF_ACCESS_TOKEN = `
  select ${USER}, username_key
    from cognito_access_token t join cognito_grant g using (origin_jti) join cognito_user u using (pool_id, username_key)
   where t.jti = $1 and g.pool_id = $2 and g.revoked_at is null
     and g.started_at > coalesce(u.signed_out_at, '-infinity')
     and t.issued_at > coalesce(u.access_revoked_at, '-infinity')`;
