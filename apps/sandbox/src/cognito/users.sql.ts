/**
 * SQL of Cognito's users. `$1` is the pool. In statements about one user, `$2` is the key from `usernameKey`. Each
 * statement locks at most one user row, so calls about different users do not wait for each other.
 */
export interface UserRow {
  username: string;
  sub: string;
  attributes: Record<string, string>;
  status: string;
  enabled: boolean;
  created: number;
  modified: number;
}

export type KeyedUserRow = UserRow & { readonly username_key: string };

export const USER = `username, sub, attributes, status, enabled, extract(epoch from created_at)::float8 as created, extract(epoch from modified_at)::float8 as modified`;

/** Creates a user. Returns no row if the name is taken. */
export const CREATE_USER = `
  insert into cognito_user (pool_id, username_key, username, sub, attributes, status)
  values ($1, $2, $3, gen_random_uuid(), $4, 'FORCE_CHANGE_PASSWORD')
  on conflict (pool_id, username_key) do nothing
  returning ${USER}`;

export const GET_USER = `select ${USER} from cognito_user where pool_id = $1 and username_key = $2`;

/**
 * Sets the attributes in `$3` and removes those named in `$4`. A changed e-mail address becomes unverified, unless `$3`
 * sets `email_verified`.
 */
export const UPDATE_ATTRIBUTES = `
  update cognito_user
     set attributes = (attributes
           || case when $3::jsonb ? 'email' and $3::jsonb->>'email' is distinct from attributes->>'email'
                   then '{"email_verified":"false"}'::jsonb else '{}'::jsonb end
           || $3::jsonb) - $4::text[],
         modified_at = clock_timestamp()
   where pool_id = $1 and username_key = $2
  returning 1`;

export const SET_STATUS = `update cognito_user set status = $3, modified_at = clock_timestamp() where pool_id = $1 and username_key = $2 returning 1`;

/**
 * Enables or disables a user. Disabling revokes access tokens permanently, but refresh tokens are refused only until
 * the user is enabled again. A repeated call changes nothing, not even the modification date.
 */
export const SET_ENABLED = `
  update cognito_user
     set enabled = $3,
         access_revoked_at = case when enabled and not $3 then clock_timestamp() else access_revoked_at end,
         modified_at = case when enabled = $3 then modified_at else clock_timestamp() end
   where pool_id = $1 and username_key = $2
  returning 1`;

export const SIGN_OUT = `update cognito_user set signed_out_at = clock_timestamp() where pool_id = $1 and username_key = $2 returning 1`;

export const DELETE_USER = `delete from cognito_user where pool_id = $1 and username_key = $2 returning 1`;

/**
 * A page of users in the order of their names, which starts after the name `$2`. `filter` is a condition from {@link
 * parseUserFilter} with parameter `$4`.
 */
export const listUsersSql = (filter: string): string => `
  select username_key, ${USER} from cognito_user
   where pool_id = $1 and username_key > $2 ${filter}
   order by username_key limit $3`;

export const LIST_USERS_IN_GROUP = `
  select u.username_key, ${USER} from cognito_membership m join cognito_user u using (pool_id, username_key)
   where m.pool_id = $1 and m.group_name = $4 and m.username_key > $2
   order by m.username_key limit $3`;

/** All users of a pool with their groups, for assertions in tests. */
export const DUMP_USERS = `
  select ${USER}, extract(epoch from signed_out_at)::float8 as signed_out,
         array(select group_name from cognito_membership m where m.pool_id = u.pool_id and m.username_key = u.username_key order by group_name) as groups
    from cognito_user u
   where pool_id = $1 and ($2::text is null or username_key = $2)
   order by username_key limit $3`;
