/** The user operations of Cognito. */
import type { Database } from '#platform';
import { AwsError, invalidParameter } from '../aws/aws-error.js';
import { operation, type Operation } from '../aws/aws-listener.js';
import { parseUserFilter } from './filter.js';
import { page, PAGE_SIZE, pageStart } from '../aws/paging.js';
import { checkPassword } from './password.js';
import { usernameKey, type Pool, type Pools } from './pools.js';
import { checkAttributes, checkDeletion } from './schema.js';
import * as shape from './shapes.js';
import * as sql from './users.sql.js';

const userNotFound = (): AwsError => new AwsError('UserNotFoundException', 'User does not exist.');

export function userOperations(database: Database, pools: Pools): Record<string, Operation> {
  /** Runs a statement about one user. No row means that the user does not exist. */
  async function change(
    name: string,
    text: string,
    input: { UserPoolId: string; Username: string },
    ...values: unknown[]
  ): Promise<object> {
    const pool = await pools.get(input.UserPoolId);
    const rows = await database.query({ name, text, values: [pool.id, usernameKey(pool, input.Username), ...values] });
    if (rows.length === 0) throw userNotFound();
    return {};
  }
  async function find(pool: Pool, username: string): Promise<sql.UserRow> {
    const [row] = await database.query<sql.UserRow>({
      name: 'get_user',
      text: sql.GET_USER,
      values: [pool.id, usernameKey(pool, username)],
    });
    if (!row) throw userNotFound();
    return row;
  }

  return {
    AdminCreateUser: operation(shape.adminCreateUser, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      if (input.TemporaryPassword !== undefined) checkPassword(pool.policy, input.TemporaryPassword);
      if (input.MessageAction === 'RESEND') return { User: userView(resendable(await find(pool, input.Username))) };
      const { set } = checkAttributes(pool.schema, input.UserAttributes, 'create');
      const values = [pool.id, usernameKey(pool, input.Username), input.Username, JSON.stringify(set)];
      const [row] = await database.query<sql.UserRow>({ name: 'create_user', text: sql.CREATE_USER, values });
      if (!row) throw new AwsError('UsernameExistsException', 'User account already exists');
      return { User: userView(row) };
    }),
    AdminGetUser: operation(shape.aboutUser, async (input) => {
      const { Attributes, ...user } = userView(await find(await pools.get(input.UserPoolId), input.Username));
      return { ...user, UserAttributes: Attributes };
    }),
    AdminUpdateUserAttributes: operation(shape.adminUpdateUserAttributes, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const { set, remove } = checkAttributes(pool.schema, input.UserAttributes, 'update');
      return change('update_attributes', sql.UPDATE_ATTRIBUTES, input, JSON.stringify(set), remove);
    }),
    AdminDeleteUserAttributes: operation(shape.adminDeleteUserAttributes, async (input) => {
      checkDeletion((await pools.get(input.UserPoolId)).schema, input.UserAttributeNames);
      return change('update_attributes', sql.UPDATE_ATTRIBUTES, input, '{}', input.UserAttributeNames);
    }),
    AdminSetUserPassword: operation(shape.adminSetUserPassword, async (input) => {
      checkPassword((await pools.get(input.UserPoolId)).policy, input.Password);
      return change('set_status', sql.SET_STATUS, input, input.Permanent ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD');
    }),
    AdminDisableUser: operation(shape.aboutUser, (input) => change('set_enabled', sql.SET_ENABLED, input, false)),
    AdminEnableUser: operation(shape.aboutUser, (input) => change('set_enabled', sql.SET_ENABLED, input, true)),
    AdminUserGlobalSignOut: operation(shape.aboutUser, (input) => change('sign_out', sql.SIGN_OUT, input)),
    AdminDeleteUser: operation(shape.aboutUser, (input) => change('delete_user', sql.DELETE_USER, input)),
    ListUsers: operation(shape.listUsers, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const wanted = input.AttributesToGet;
      if (wanted?.some((a) => !pool.schema.some((s) => s.Name === a)))
        throw invalidParameter('One or more requested attributes do not exist.');
      const filter = parseUserFilter(input.Filter, 4, (name) => usernameKey(pool, name));
      const size = input.Limit || PAGE_SIZE;
      const values = [pool.id, pageStart(input.PaginationToken), size + 1, ...(filter ? [filter.value] : [])];
      const { rows, next } = page(
        await database.query<sql.UserRow & { username_key: string }>(
          sql.listUsersSql(filter ? `and ${filter.sql}` : ''),
          values,
        ),
        size,
        (r) => r.username_key,
      );
      return { Users: rows.map((r) => userView(r, wanted)), ...(next === undefined ? {} : { PaginationToken: next }) };
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
