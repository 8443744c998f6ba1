/** SQL of Cognito's groups. `$1` is the pool in all statements. */
export interface GroupRow {
  name: string;
  description: string | null;
  precedence: number | null;
  role_arn: string | null;
  created: number;
}

const GROUP = `name, description, precedence, role_arn, extract(epoch from created_at)::float8 as created`;

export const CREATE_GROUP = `
  insert into cognito_group (pool_id, name, description, precedence, role_arn) values ($1, $2, $3, $4, $5)
  on conflict (pool_id, name) do nothing
  returning ${GROUP}`;

export const GET_GROUP = `select ${GROUP} from cognito_group where pool_id = $1 and name = $2`;
export const DELETE_GROUP = `delete from cognito_group where pool_id = $1 and name = $2 returning 1`;
export const LIST_GROUPS = `select ${GROUP} from cognito_group where pool_id = $1 and name > $2 order by name limit $3`;

/** Lists the groups of user `$4`. `user_exists` distinguishes an unknown user from a user without groups. */
export const LIST_GROUPS_FOR_USER = `
  select exists (select 1 from cognito_user where pool_id = $1 and username_key = $4) as user_exists,
         coalesce((select json_agg(g) from (
           select ${GROUP} from cognito_membership m join cognito_group c on c.pool_id = m.pool_id and c.name = m.group_name
            where m.pool_id = $1 and m.username_key = $4 and c.name > $2
            order by c.name limit $3) g), '[]') as groups`;

/**
 * Adds user `$2` to group `$3`, unless the user is in `$4` or more other groups. Key share locks prevent a concurrent
 * deletion of the user or the group, but do not block each other.
 */
export const ADD_TO_GROUP = `
  with u as (select 1 from cognito_user where pool_id = $1 and username_key = $2 for key share),
       g as (select 1 from cognito_group where pool_id = $1 and name = $3 for key share),
       n as (select count(*) as others from cognito_membership where pool_id = $1 and username_key = $2 and group_name <> $3),
       done as (insert into cognito_membership (pool_id, username_key, group_name)
                select $1, $2, $3 from u, g, n where n.others < $4 on conflict do nothing)
  select exists (select 1 from u) as user_exists, exists (select 1 from g) as group_exists, (select others < $4 from n) as fits`;

export const REMOVE_FROM_GROUP = `
  with done as (delete from cognito_membership where pool_id = $1 and username_key = $2 and group_name = $3)
  select exists (select 1 from cognito_user where pool_id = $1 and username_key = $2) as user_exists,
         exists (select 1 from cognito_group where pool_id = $1 and name = $3) as group_exists`;
