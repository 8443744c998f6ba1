/**
 * What the product relies on when it calls a user pool: each call of `UserPool`, by the real SDK, with what AWS's API
 * reference says of it. Run against the sandbox's Cognito and against one that nobody here wrote.
 */
import {
  AdminDeleteUserCommand,
  GetGroupCommand,
  type CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { randomUUID } from 'node:crypto';
import type { PoolUser, UserPool } from '#cognito';

export interface PoolUnderTest {
  readonly pool: UserPool;
  /** For what the product never does, or never asks. */
  readonly client: CognitoIdentityProviderClient;
  readonly poolId: string;
}

type Case = (world: PoolUnderTest) => Promise<void>;

const named = (prefix: string): string => `${prefix}-${randomUUID().slice(0, 8)}`;
const failing = (errorClass: string): unknown => expect.objectContaining({ name: 'CognitoError', errorClass });
/** More than a page of 60. */
const MANY = 65;

async function addUser({ pool }: PoolUnderTest, attributes = {}): Promise<string> {
  const username = randomUUID();
  await pool.createUser(username, { 'custom:tenant_id': 't-1', ...attributes });
  return username;
}

async function addGroup({ pool }: PoolUnderTest): Promise<string> {
  const group = named('role');
  await pool.createGroup(group, 3);
  return group;
}

async function addMany(world: PoolUnderTest): Promise<string[]> {
  const names: string[] = [];
  while (names.length < MANY) names.push(await addUser(world));
  return names.sort();
}

async function everyPage<T>(next: (cursor: string | null) => Promise<{ items: T[]; next: string | null }>) {
  const sizes: number[] = [];
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page = await next(cursor);
    sizes.push(page.items.length);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return { sizes, items };
}

const namesOf = (users: readonly PoolUser[]): string[] => users.map((user) => user.username).sort();

const users: Record<string, Case> = {
  'AdminCreateUser: a user under our own name, enabled, who has to change a password that nobody knows': async (w) => {
    const name = await addUser(w, { email: 'ada@example.com', email_verified: 'true', 'custom:role': 'viewer' });
    const user = await w.pool.getUser(name);
    expect(user).toMatchObject({ username: name, enabled: true, status: 'FORCE_CHANGE_PASSWORD' });
    expect(user?.attributes).toMatchObject({
      'custom:tenant_id': 't-1',
      'custom:role': 'viewer',
      email: 'ada@example.com',
      email_verified: 'true',
      sub: expect.any(String) as unknown,
    });
  },
  'AdminCreateUser: a name that is taken': async (w) => {
    const name = await addUser(w);
    await expect(w.pool.createUser(name, {})).rejects.toEqual(failing('exists'));
  },
  'AdminCreateUser: two users with one e-mail address, which is no alias': async (w) => {
    const twins = [await addUser(w, { email: 'two@example.com' }), await addUser(w, { email: 'two@example.com' })];
    for (const name of twins) expect((await w.pool.getUser(name))?.attributes.email).toBe('two@example.com');
  },
  'AdminSetUserPassword: a permanent one confirms the user': async (w) => {
    const name = await addUser(w);
    await w.pool.setRandomPassword(name);
    expect((await w.pool.getUser(name))?.status).toBe('CONFIRMED');
  },
  'AdminSetUserPassword: of nobody': async (w) => {
    await expect(w.pool.setRandomPassword(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'AdminGetUser: nobody': async (w) => {
    expect(await w.pool.getUser(randomUUID())).toBeNull();
  },
  'AdminUpdateUserAttributes: what is named and nothing else': async (w) => {
    const name = await addUser(w, { email: 'old@example.com', name: 'Ada', given_name: 'Ada' });
    await w.pool.updateAttributes(name, { name: 'Ada Lovelace', 'custom:external_id': '00u1' });
    expect((await w.pool.getUser(name))?.attributes).toMatchObject({
      name: 'Ada Lovelace',
      given_name: 'Ada',
      email: 'old@example.com',
      'custom:external_id': '00u1',
      'custom:tenant_id': 't-1',
    });
  },
  'AdminUpdateUserAttributes: a blank value deletes': async (w) => {
    const name = await addUser(w, { given_name: 'Ada' });
    await w.pool.updateAttributes(name, { given_name: '' });
    expect((await w.pool.getUser(name))?.attributes).not.toHaveProperty('given_name');
  },
  'AdminUpdateUserAttributes: an attribute that the pool does not have': async (w) => {
    const name = await addUser(w);
    await expect(w.pool.updateAttributes(name, { 'custom:unknown': 'x' })).rejects.toEqual(failing('permanent'));
  },
  'AdminUpdateUserAttributes: of nobody': async (w) => {
    await expect(w.pool.updateAttributes(randomUUID(), { name: 'x' })).rejects.toEqual(failing('missing_user'));
  },
  'AdminDisableUser, AdminEnableUser: show, again and again, and change nothing else': async (w) => {
    const name = await addUser(w, { email: 'ada@example.com' });
    const before = await w.pool.getUser(name);
    for (const _ of [1, 2]) await w.pool.disableUser(name);
    expect(await w.pool.getUser(name)).toEqual({ ...before, enabled: false });
    for (const _ of [1, 2]) expect(await w.pool.enableUser(name)).toBeInstanceOf(Date);
    expect(await w.pool.getUser(name)).toEqual(before);
  },
  'AdminDisableUser, AdminEnableUser: of nobody': async (w) => {
    await expect(w.pool.disableUser(randomUUID())).rejects.toEqual(failing('missing_user'));
    await expect(w.pool.enableUser(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'AdminUserGlobalSignOut: of a user without sessions': async (w) => {
    await expect(w.pool.signOut(await addUser(w))).resolves.toBeUndefined();
  },
  'AdminUserGlobalSignOut: of nobody': async (w) => {
    await expect(w.pool.signOut(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'AdminDeleteUser: gone from everywhere, and the name is free again': async (w) => {
    const [name, group] = [await addUser(w), await addGroup(w)];
    await w.pool.addToGroup(name, group);
    await w.client.send(new AdminDeleteUserCommand({ UserPoolId: w.poolId, Username: name }));
    expect(await w.pool.getUser(name)).toBeNull();
    expect((await w.pool.listUsersInGroup(group, null)).items).toEqual([]);
    await w.pool.createUser(name, { 'custom:tenant_id': 't-2' });
    expect(await w.pool.listGroupsForUser(name)).toEqual([]);
  },
  'ListUsers: everybody once, sixty at a time': async (w) => {
    const names = await addMany(w);
    const { items, sizes } = await everyPage((cursor) => w.pool.listUsers(cursor));
    expect(namesOf(items)).toEqual(expect.arrayContaining(names));
    expect(new Set(namesOf(items)).size).toBe(items.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(60);
  },
  'ListUsers: with state and attributes as AdminGetUser tells them': async (w) => {
    const name = await addUser(w, { email: 'ada@example.com' });
    await w.pool.disableUser(name);
    const { items } = await everyPage((cursor) => w.pool.listUsers(cursor));
    expect(items.find((user) => user.username === name)).toEqual(await w.pool.getUser(name));
  },
};

const groups: Record<string, Case> = {
  'CreateGroup: with its precedence': async (w) => {
    const found = await w.client.send(new GetGroupCommand({ UserPoolId: w.poolId, GroupName: await addGroup(w) }));
    expect(found.Group?.Precedence).toBe(3);
  },
  'CreateGroup: one that exists': async (w) => {
    await expect(w.pool.createGroup(await addGroup(w), 3)).rejects.toEqual(failing('exists'));
  },
  'AdminAddUserToGroup, AdminRemoveUserFromGroup: in and out, again and again': async (w) => {
    const [name, group, other] = [await addUser(w), await addGroup(w), await addGroup(w)];
    for (const _ of [1, 2]) await w.pool.addToGroup(name, group);
    await w.pool.addToGroup(name, other);
    expect((await w.pool.listGroupsForUser(name)).sort()).toEqual([group, other].sort());
    for (const _ of [1, 2]) await w.pool.removeFromGroup(name, group);
    expect(await w.pool.listGroupsForUser(name)).toEqual([other]);
  },
  'AdminAddUserToGroup, AdminRemoveUserFromGroup: a group that does not exist': async (w) => {
    const [name, group] = [await addUser(w), named('none')];
    await expect(w.pool.addToGroup(name, group)).rejects.toEqual(failing('missing_group'));
    await expect(w.pool.removeFromGroup(name, group)).rejects.toEqual(failing('missing_group'));
  },
  'AdminAddUserToGroup, AdminRemoveUserFromGroup: nobody': async (w) => {
    const group = await addGroup(w);
    await expect(w.pool.addToGroup(randomUUID(), group)).rejects.toEqual(failing('missing_user'));
    await expect(w.pool.removeFromGroup(randomUUID(), group)).rejects.toEqual(failing('missing_user'));
  },
  'AdminListGroupsForUser: of nobody': async (w) => {
    await expect(w.pool.listGroupsForUser(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'ListUsersInGroup: its members and nobody else, with their attributes': async (w) => {
    const [name, stranger, group] = [await addUser(w, { name: 'Ada' }), await addUser(w), await addGroup(w)];
    await w.pool.addToGroup(name, group);
    await w.pool.addToGroup(stranger, await addGroup(w));
    const { items, next } = await w.pool.listUsersInGroup(group, null);
    expect({ items, next }).toEqual({ items: [await w.pool.getUser(name)], next: null });
  },
  'ListUsersInGroup: a group that does not exist has nobody': async (w) => {
    expect(await w.pool.listUsersInGroup(named('none'), null)).toEqual({ items: [], next: null });
  },
};

export const userPoolContract: Readonly<Record<string, Case>> = { ...users, ...groups };
