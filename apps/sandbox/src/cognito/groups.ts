/** The group and membership operations of Cognito. */
import type { Database } from '#platform';
import { AwsError } from '../aws/aws-error.js';
import { operation, type Operation } from '../aws/aws-listener.js';
import * as sql from './groups.sql.js';
import { page, PAGE_SIZE, pageStart } from '../aws/paging.js';
import { usernameKey, type Pools } from './pools.js';
import * as shape from './shapes.js';
import { userView } from './users.js';
import { LIST_USERS_IN_GROUP, type UserRow } from './users.sql.js';

const MAX_GROUPS_PER_USER = 100;

const groupNotFound = (): AwsError => new AwsError('ResourceNotFoundException', 'Group not found.');
const userNotFound = (): AwsError => new AwsError('UserNotFoundException', 'User does not exist.');

export function groupOperations(database: Database, pools: Pools): Record<string, Operation> {
  async function find(poolId: string, name: string): Promise<object> {
    const [row] = await database.query<sql.GroupRow>(sql.GET_GROUP, [poolId, name]);
    if (!row) throw groupNotFound();
    return groupView(row, poolId);
  }

  return {
    CreateGroup: operation(shape.createGroup, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const values = [
        pool.id,
        input.GroupName,
        input.Description ?? null,
        input.Precedence ?? null,
        input.RoleArn ?? null,
      ];
      const [row] = await database.query<sql.GroupRow>(sql.CREATE_GROUP, values);
      if (!row) throw new AwsError('GroupExistsException', `A group with the name ${input.GroupName} already exists.`);
      return { Group: groupView(row, pool.id) };
    }),
    GetGroup: operation(shape.aboutGroup, async (input) => ({
      Group: await find((await pools.get(input.UserPoolId)).id, input.GroupName),
    })),
    DeleteGroup: operation(shape.aboutGroup, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const rows = await database.query(sql.DELETE_GROUP, [pool.id, input.GroupName]);
      if (rows.length === 0) throw groupNotFound();
      return {};
    }),
    ListGroups: operation(shape.listGroups, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const size = input.Limit || PAGE_SIZE;
      const { rows, next } = page(
        await database.query<sql.GroupRow>(sql.LIST_GROUPS, [pool.id, pageStart(input.NextToken), size + 1]),
        size,
        (r) => r.name,
      );
      return { Groups: rows.map((r) => groupView(r, pool.id)), ...(next === undefined ? {} : { NextToken: next }) };
    }),
    ListUsersInGroup: operation(shape.listUsersInGroup, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      await find(pool.id, input.GroupName);
      const size = input.Limit || PAGE_SIZE;
      const values = [pool.id, pageStart(input.NextToken), size + 1, input.GroupName];
      const { rows, next } = page(
        await database.query<UserRow & { username_key: string }>(LIST_USERS_IN_GROUP, values),
        size,
        (r) => r.username_key,
      );
      return { Users: rows.map((r) => userView(r)), ...(next === undefined ? {} : { NextToken: next }) };
    }),
    ...membershipOperations(database, pools),
  };
}

function membershipOperations(database: Database, pools: Pools): Record<string, Operation> {
  return {
    AdminListGroupsForUser: operation(shape.listGroupsForUser, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const size = input.Limit || PAGE_SIZE;
      const values = [pool.id, pageStart(input.NextToken), size + 1, usernameKey(pool, input.Username)];
      const [row] = await database.query<{ user_exists: boolean; groups: sql.GroupRow[] }>({
        name: 'groups_for_user',
        text: sql.LIST_GROUPS_FOR_USER,
        values,
      });
      if (!row?.user_exists) throw userNotFound();
      const { rows, next } = page(row.groups, size, (r) => r.name);
      return { Groups: rows.map((r) => groupView(r, pool.id)), ...(next === undefined ? {} : { NextToken: next }) };
    }),
    AdminAddUserToGroup: operation(shape.aboutMembership, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const values = [pool.id, usernameKey(pool, input.Username), input.GroupName, MAX_GROUPS_PER_USER];
      const [row] = await database.query<{ user_exists: boolean; group_exists: boolean; fits: boolean }>({
        name: 'add_to_group',
        text: sql.ADD_TO_GROUP,
        values,
      });
      if (!row?.user_exists) throw userNotFound();
      if (!row.group_exists) throw groupNotFound();
      if (!row.fits)
        throw new AwsError('LimitExceededException', `A user can be in at most ${MAX_GROUPS_PER_USER} groups.`);
      return {};
    }),
    AdminRemoveUserFromGroup: operation(shape.aboutMembership, async (input) => {
      const pool = await pools.get(input.UserPoolId);
      const values = [pool.id, usernameKey(pool, input.Username), input.GroupName];
      const [row] = await database.query<{ user_exists: boolean; group_exists: boolean }>({
        name: 'remove_from_group',
        text: sql.REMOVE_FROM_GROUP,
        values,
      });
      if (!row?.user_exists) throw userNotFound();
      if (!row.group_exists) throw groupNotFound();
      return {};
    }),
  };
}

const groupView = (row: sql.GroupRow, poolId: string): object => ({
  GroupName: row.name,
  UserPoolId: poolId,
  ...(row.description === null ? {} : { Description: row.description }),
  ...(row.precedence === null ? {} : { Precedence: row.precedence }),
  ...(row.role_arn === null ? {} : { RoleArn: row.role_arn }),
  CreationDate: row.created,
  LastModifiedDate: row.created,
});
