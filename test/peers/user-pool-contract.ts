/**
 * The behaviour that the product needs from a user pool: each call of `UserPool`, through the real SDK, checked against
 * AWS's API reference. Runs on the sandbox's Cognito and on a pool of other authors.
 */
import { GetGroupCommand, type CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { randomUUID } from 'node:crypto';
import type { PoolUser, UserPool } from '#cognito';

export interface PoolUnderTest {
  readonly pool: UserPool;
  /** For calls that the product never makes. */
  readonly client: CognitoIdentityProviderClient;
  readonly poolId: string;
}

type Case = (world: PoolUnderTest) => Promise<void>;

const named = (prefix: string): string => `${prefix}-${randomUUID().slice(0, 8)}`;
const failing = (errorClass: string): unknown => expect.objectContaining({ name: 'CognitoError', errorClass });
/** More than one page of 60. */
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
  'AdminCreateUser: creates an enabled user with our username, in FORCE_CHANGE_PASSWORD': async (w) => {
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
  'AdminCreateUser: refuses a username that is taken': async (w) => {
    const name = await addUser(w);
    await expect(w.pool.createUser(name, {})).rejects.toEqual(failing('exists'));
  },
  'AdminCreateUser: allows two users with one e-mail address': async (w) => {
    const twins = [await addUser(w, { email: 'two@example.com' }), await addUser(w, { email: 'two@example.com' })];
    for (const name of twins) expect((await w.pool.getUser(name))?.attributes.email).toBe('two@example.com');
  },
  'AdminSetUserPassword: confirms the user with a permanent password': async (w) => {
    const name = await addUser(w);
    await w.pool.setRandomPassword(name);
    expect((await w.pool.getUser(name))?.status).toBe('CONFIRMED');
  },
  'AdminSetUserPassword: refuses an unknown user': async (w) => {
    await expect(w.pool.setRandomPassword(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'AdminGetUser: reports an unknown user': async (w) => {
    expect(await w.pool.getUser(randomUUID())).toBeNull();
  },
  'AdminUpdateUserAttributes: changes the named attributes only': async (w) => {
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
  'AdminUpdateUserAttributes: deletes an attribute with a blank value': async (w) => {
    const name = await addUser(w, { given_name: 'Ada' });
    await w.pool.updateAttributes(name, { given_name: '' });
    expect((await w.pool.getUser(name))?.attributes).not.toHaveProperty('given_name');
  },
  'AdminUpdateUserAttributes: refuses an attribute that the pool does not have': async (w) => {
    const name = await addUser(w);
    await expect(w.pool.updateAttributes(name, { 'custom:unknown': 'x' })).rejects.toEqual(failing('permanent'));
  },
  'AdminUpdateUserAttributes: refuses an unknown user': async (w) => {
    await expect(w.pool.updateAttributes(randomUUID(), { name: 'x' })).rejects.toEqual(failing('missing_user'));
  },
  'AdminDisableUser, AdminEnableUser: change only the enabled flag, and can be repeated': async (w) => {
    const name = await addUser(w, { email: 'ada@example.com' });
    const before = await w.pool.getUser(name);
    for (const _ of [1, 2]) await w.pool.disableUser(name);
    expect(await w.pool.getUser(name)).toEqual({ ...before, enabled: false });
    for (const _ of [1, 2]) expect(await w.pool.enableUser(name)).toBeInstanceOf(Date);
    expect(await w.pool.getUser(name)).toEqual(before);
  },
  'AdminDisableUser, AdminEnableUser: refuse an unknown user': async (w) => {
    await expect(w.pool.disableUser(randomUUID())).rejects.toEqual(failing('missing_user'));
    await expect(w.pool.enableUser(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'AdminUserGlobalSignOut: succeeds for a user without sessions': async (w) => {
    await expect(w.pool.signOut(await addUser(w))).resolves.toBeInstanceOf(Date);
  },
  'AdminUserGlobalSignOut: refuses an unknown user': async (w) => {
    await expect(w.pool.signOut(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'AdminDeleteUser: removes the user and the memberships, and frees the username': async (w) => {
    const [name, group] = [await addUser(w), await addGroup(w)];
    await w.pool.addToGroup(name, group);
    await w.pool.deleteUser(name);
    expect(await w.pool.getUser(name)).toBeNull();
    expect((await w.pool.listUsersInGroup(group, null)).items).toEqual([]);
    await w.pool.createUser(name, { 'custom:tenant_id': 't-2' });
    expect(await w.pool.listGroupsForUser(name)).toEqual([]);
  },
  'ListUsers: returns every user once, in pages of at most sixty': async (w) => {
    const names = await addMany(w);
    const { items, sizes } = await everyPage((cursor) => w.pool.listUsers(cursor));
    expect(namesOf(items)).toEqual(expect.arrayContaining(names));
    expect(new Set(namesOf(items)).size).toBe(items.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(60);
  },
  'ListUsers: returns the same state and attributes as AdminGetUser': async (w) => {
    const name = await addUser(w, { email: 'ada@example.com' });
    await w.pool.disableUser(name);
    const { items } = await everyPage((cursor) => w.pool.listUsers(cursor));
    expect(items.find((user) => user.username === name)).toEqual(await w.pool.getUser(name));
  },
};

const groups: Record<string, Case> = {
  'CreateGroup: keeps the precedence': async (w) => {
    const found = await w.client.send(new GetGroupCommand({ UserPoolId: w.poolId, GroupName: await addGroup(w) }));
    expect(found.Group?.Precedence).toBe(3);
  },
  'CreateGroup: refuses an existing name': async (w) => {
    await expect(w.pool.createGroup(await addGroup(w), 3)).rejects.toEqual(failing('exists'));
  },
  'AdminAddUserToGroup, AdminRemoveUserFromGroup: change one membership, and can be repeated': async (w) => {
    const [name, group, other] = [await addUser(w), await addGroup(w), await addGroup(w)];
    for (const _ of [1, 2]) await w.pool.addToGroup(name, group);
    await w.pool.addToGroup(name, other);
    expect((await w.pool.listGroupsForUser(name)).sort()).toEqual([group, other].sort());
    for (const _ of [1, 2]) await w.pool.removeFromGroup(name, group);
    expect(await w.pool.listGroupsForUser(name)).toEqual([other]);
  },
  'AdminAddUserToGroup, AdminRemoveUserFromGroup: refuse an unknown group': async (w) => {
    const [name, group] = [await addUser(w), named('none')];
    await expect(w.pool.addToGroup(name, group)).rejects.toEqual(failing('missing_group'));
    await expect(w.pool.removeFromGroup(name, group)).rejects.toEqual(failing('missing_group'));
  },
  'AdminAddUserToGroup, AdminRemoveUserFromGroup: refuse an unknown user': async (w) => {
    const group = await addGroup(w);
    await expect(w.pool.addToGroup(randomUUID(), group)).rejects.toEqual(failing('missing_user'));
    await expect(w.pool.removeFromGroup(randomUUID(), group)).rejects.toEqual(failing('missing_user'));
  },
  'AdminListGroupsForUser: refuses an unknown user': async (w) => {
    await expect(w.pool.listGroupsForUser(randomUUID())).rejects.toEqual(failing('missing_user'));
  },
  'ListUsersInGroup: returns exactly the members, with their attributes': async (w) => {
    const [name, stranger, group] = [await addUser(w, { name: 'Ada' }), await addUser(w), await addGroup(w)];
    await w.pool.addToGroup(name, group);
    await w.pool.addToGroup(stranger, await addGroup(w));
    const { items, next } = await w.pool.listUsersInGroup(group, null);
    expect({ items, next }).toEqual({ items: [await w.pool.getUser(name)], next: null });
  },
  'ListUsersInGroup: returns no members for an unknown group': async (w) => {
    expect(await w.pool.listUsersInGroup(named('none'), null)).toEqual({ items: [], next: null });
  },
};

export const userPoolContract: Readonly<Record<string, Case>> = { ...users, ...groups };
