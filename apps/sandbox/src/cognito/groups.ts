import type { Database } from '#platform';
import { AwsError } from '../aws/aws-error.js';
import type { Operation } from '../aws/aws-listener.js';
import * as sql from './groups.sql.js';
import { paged } from '../aws/paging.js';
import { usernameKey, type Pool, type Pools } from './pools.js';
import * as shape from './shapes.js';
import { userNotFound, userView } from './users.js';
import { LIST_USERS_IN_GROUP, type KeyedUserRow } from './users.sql.js';

const MAX_GROUPS_PER_USER = 100;

const groupNotFound = (): AwsError => new AwsError('ResourceNotFoundException', 'Group not found.');

export function groupOperations(database: Database, pools: Pools): Record<string, Operation> {
  const inPool = pools.operation;
  const one = async (text: string, values: unknown[], refusal: AwsError): Promise<sql.GroupRow> => {
    const [row] = await database.query<sql.GroupRow>(text, values);
    if (!row) throw refusal;
    return row;
  };
  return {
    CreateGroup: inPool(shape.createGroup, async (input, pool) => {
      const { GroupName, Description = null, Precedence = null, RoleArn = null } = input;
      const exists = new AwsError('GroupExistsException', `A group with the name ${GroupName} already exists.`);
      const values = [pool.id, GroupName, Description, Precedence, RoleArn];
      return { Group: groupView(await one(sql.CREATE_GROUP, values, exists), pool) };
    }),
    GetGroup: inPool(shape.aboutGroup, async ({ GroupName }, pool) => ({
      Group: groupView(await one(sql.GET_GROUP, [pool.id, GroupName], groupNotFound()), pool),
    })),
    DeleteGroup: inPool(shape.aboutGroup, async ({ GroupName }, pool) => {
      await one(sql.DELETE_GROUP, [pool.id, GroupName], groupNotFound());
      return {};
    }),
    ListGroups: inPool(shape.listGroups, async (input, pool) => {
      const { values, answer } = paged(input);
      const rows = await database.query<sql.GroupRow>(sql.LIST_GROUPS, [pool.id, ...values]);
      return answer('Groups', rows, 'name', (r) => groupView(r, pool));
    }),
    ListUsersInGroup: inPool(shape.listUsersInGroup, async (input, pool) => {
      await one(sql.GET_GROUP, [pool.id, input.GroupName], groupNotFound());
      const { values, answer } = paged(input);
      const rows = await database.query<KeyedUserRow>(LIST_USERS_IN_GROUP, [pool.id, ...values, input.GroupName]);
      return answer('Users', rows, 'username_key', (r) => userView(r));
    }),
    ...membershipOperations(database, pools),
  };
}

interface Membership {
  readonly user_exists: boolean;
  readonly group_exists: boolean;
  readonly fits?: boolean;
}

function membershipOperations(database: Database, pools: Pools): Record<string, Operation> {
  const change = (name: string, text: string, ...more: unknown[]): Operation =>
    pools.operation(shape.aboutMembership, async (input, pool) => {
      const values = [pool.id, usernameKey(pool, input.Username), input.GroupName, ...more];
      const [row] = await database.query<Membership>({ name, text, values });
      if (!row?.user_exists) throw userNotFound();
      if (!row.group_exists) throw groupNotFound();
      if (row.fits === false)
        throw new AwsError('LimitExceededException', `A user can be in at most ${MAX_GROUPS_PER_USER} groups.`);
      return {};
    });
  return {
    AdminListGroupsForUser: pools.operation(shape.listGroupsForUser, async (input, pool) => {
      const { values: page, answer } = paged(input);
      const values = [pool.id, ...page, usernameKey(pool, input.Username)];
      const [row] = await database.query<{ user_exists: boolean; groups: sql.GroupRow[] }>({
        name: 'groups_for_user',
        text: sql.LIST_GROUPS_FOR_USER,
        values,
      });
      if (!row?.user_exists) throw userNotFound();
      return answer('Groups', row.groups, 'name', (r) => groupView(r, pool));
    }),
    AdminAddUserToGroup: change('add_to_group', sql.ADD_TO_GROUP, MAX_GROUPS_PER_USER),
    AdminRemoveUserFromGroup: change('remove_from_group', sql.REMOVE_FROM_GROUP),
  };
}

const groupView = (row: sql.GroupRow, { id }: Pool): object => ({
  GroupName: row.name,
  UserPoolId: id,
  ...(row.description === null ? {} : { Description: row.description }),
  ...(row.precedence === null ? {} : { Precedence: row.precedence }),
  ...(row.role_arn === null ? {} : { RoleArn: row.role_arn }),
  CreationDate: row.created,
  LastModifiedDate: row.created,
});
