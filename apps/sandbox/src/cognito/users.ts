import type { Database } from '#platform';
import { AwsError, invalidParameter } from '../aws/aws-error.js';
import type { Operation } from '../aws/aws-listener.js';
import { parseUserFilter } from './filter.js';
import { paged } from '../aws/paging.js';
import { checkPassword } from './password.js';
import { usernameKey, type Pool, type Pools } from './pools.js';
import { checkAttributes, checkDeletion } from './schema.js';
import * as shape from './shapes.js';
import * as sql from './users.sql.js';

export const userNotFound = (): AwsError => new AwsError('UserNotFoundException', 'User does not exist.');

export function userOperations(database: Database, pools: Pools): Record<string, Operation> {
  const inPool = pools.operation;
  type Input = { readonly UserPoolId: string; readonly Username: string };
  /** Runs a statement about one user. If it returns no row, the user does not exist. */
  async function change(
    pool: Pool,
    { Username }: Input,
    name: string,
    text: string,
    ...values: unknown[]
  ): Promise<object> {
    const rows = await database.query({ name, text, values: [pool.id, usernameKey(pool, Username), ...values] });
    if (rows.length === 0) throw userNotFound();
    return {};
  }
  const changing = (name: string, text: string, ...values: unknown[]): Operation =>
    inPool(shape.aboutUser, (input, pool) => change(pool, input, name, text, ...values));
  async function find(pool: Pool, username: string): Promise<sql.UserRow> {
    const values = [pool.id, usernameKey(pool, username)];
    const [row] = await database.query<sql.UserRow>({ name: 'get_user', text: sql.GET_USER, values });
    if (!row) throw userNotFound();
    return row;
  }

  return {
    AdminCreateUser: inPool(shape.adminCreateUser, async (input, pool) => {
      if (input.TemporaryPassword !== undefined) checkPassword(pool.policy, input.TemporaryPassword);
      if (input.MessageAction === 'RESEND') return { User: userView(resendable(await find(pool, input.Username))) };
      const { set } = checkAttributes(pool.schema, input.UserAttributes, 'create');
      const values = [pool.id, usernameKey(pool, input.Username), input.Username, JSON.stringify(set)];
      const [row] = await database.query<sql.UserRow>({ name: 'create_user', text: sql.CREATE_USER, values });
      if (!row) throw new AwsError('UsernameExistsException', 'User account already exists');
      return { User: userView(row) };
    }),
    AdminGetUser: inPool(shape.aboutUser, async (input, pool) => {
      const { Attributes, ...user } = userView(await find(pool, input.Username));
      return { ...user, UserAttributes: Attributes };
    }),
    AdminUpdateUserAttributes: inPool(shape.adminUpdateUserAttributes, (input, pool) => {
      const { set, remove } = checkAttributes(pool.schema, input.UserAttributes, 'update');
      return change(pool, input, 'update_attributes', sql.UPDATE_ATTRIBUTES, JSON.stringify(set), remove);
    }),
    AdminDeleteUserAttributes: inPool(shape.adminDeleteUserAttributes, (input, pool) => {
      checkDeletion(pool.schema, input.UserAttributeNames);
      return change(pool, input, 'update_attributes', sql.UPDATE_ATTRIBUTES, '{}', input.UserAttributeNames);
    }),
    AdminSetUserPassword: inPool(shape.adminSetUserPassword, (input, pool) => {
      checkPassword(pool.policy, input.Password);
      const status = input.Permanent ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD';
      return change(pool, input, 'set_status', sql.SET_STATUS, status);
    }),
    AdminDisableUser: changing('set_enabled', sql.SET_ENABLED, false),
    AdminEnableUser: changing('set_enabled', sql.SET_ENABLED, true),
    AdminUserGlobalSignOut: changing('sign_out', sql.SIGN_OUT),
    AdminDeleteUser: changing('delete_user', sql.DELETE_USER),
    ListUsers: inPool(shape.listUsers, async (input, pool) => {
      const wanted = input.AttributesToGet;
      if (wanted?.some((a) => !pool.schema.some((s) => s.Name === a)))
        throw invalidParameter('One or more requested attributes do not exist.');
      const filter = parseUserFilter(input.Filter, 4, (name) => usernameKey(pool, name));
      const { values, answer } = paged(input, 'PaginationToken');
      const rows = await database.query<sql.KeyedUserRow>(sql.listUsersSql(filter ? `and ${filter.sql}` : ''), [
        pool.id,
        ...values,
        ...(filter ? [filter.value] : []),
      ]);
      return answer('Users', rows, 'username_key', (r) => userView(r, wanted));
    }),
  };
}

export function userView(
  row: sql.UserRow,
  only?: readonly string[],
): { Attributes: object[] } & Record<string, unknown> {
  const all = [
    { Name: 'sub', Value: row.sub },
    ...Object.entries(row.attributes).map(([Name, Value]) => ({ Name, Value })),
  ];
  return {
    Username: row.username,
    Attributes: only ? all.filter((a) => only.includes(a.Name)) : all,
    UserCreateDate: row.created,
    UserLastModifiedDate: row.modified,
    Enabled: row.enabled,
    UserStatus: row.status,
  };
}

function resendable(row: sql.UserRow): sql.UserRow {
  if (row.status !== 'FORCE_CHANGE_PASSWORD')
    throw new AwsError(
      'UnsupportedUserStateException',
      "Resend not possible. User's status is not FORCE_CHANGE_PASSWORD.",
    );
  return row;
}
