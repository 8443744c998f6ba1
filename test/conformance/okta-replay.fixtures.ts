/** For each replay case: the users and groups before it, the events that it causes, and the state after it. */
import type { TestTenant } from '../support/gateway.js';

type Variables = Record<string, string>;

export interface Fixture {
  readonly setUp?: (tenant: TestTenant) => Promise<Variables>;
  readonly events: readonly string[];
  readonly verify?: (tenant: TestTenant, variables: Readonly<Variables>) => Promise<void>;
}

async function user(tenant: TestTenant, userName: string, more: Record<string, unknown> = {}): Promise<string> {
  const reply = await tenant.send('POST', '/Users', {
    userName,
    name: { givenName: 'A', familyName: 'B' },
    emails: [{ primary: true, value: userName }],
    ...more,
  });
  if (reply.status !== 201) throw new Error(`fixture user: ${reply.text}`);
  return reply.body.id;
}

async function group(tenant: TestTenant, displayName: string, members: readonly string[] = []): Promise<string> {
  const reply = await tenant.send('POST', '/Groups', { displayName, members: members.map((value) => ({ value })) });
  if (reply.status !== 201) throw new Error(`fixture group: ${reply.text}`);
  return reply.body.id;
}

/** Creates the users userId, userId2, ... and a group that the first `inside` of them are members of. */
async function groupOf(tenant: TestTenant, inside: number, count: number): Promise<Variables> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await user(tenant, `u${i}@okta.local`));
  const groupId = await group(tenant, 'Pushed', ids.slice(0, inside));
  return { groupId, ...Object.fromEntries(ids.map((id, i) => [i === 0 ? 'userId' : `userId${i + 1}`, id])) };
}

const stored = async (tenant: TestTenant, path: string) => (await tenant.send('GET', path)).body;

async function members(tenant: TestTenant, { groupId = '' }: Readonly<Variables>): Promise<string[]> {
  return (await stored(tenant, `/Groups/${groupId}`)).members.map((m) => m.value).sort();
}

const FIXTURES: Readonly<Record<string, Fixture>> = {
  'okta-001': { events: [] },
  'okta-002': { events: [] },
  'okta-010': {
    events: ['user.created'],
    verify: async (tenant, { userId }) => {
      const body = await stored(tenant, `/Users/${userId}`);
      expect(body).toMatchObject({
        externalId: '00u18ep2sjmnGT1wk698',
        emails: [{ primary: true, value: 'test.joiner@lanternfieldgoods.example' }],
        groups: [],
      });
      expect(body).not.toHaveProperty('password');
      expect(body.emails?.[0]).not.toHaveProperty('type');
    },
  },
  'okta-011': { events: ['user.created'] },
  'okta-012': {
    events: ['user.created'],
    verify: async (tenant, { userId }) =>
      expect(await stored(tenant, `/Users/${userId}`)).toMatchObject({
        title: 'Sales Manager',
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Sales' },
      }),
  },
  'okta-013': {
    setUp: async (tenant) => ({ userId: await user(tenant, 'jane@test.com') }),
    events: ['user.updated'],
    verify: async (tenant, { userId }) =>
      expect(await stored(tenant, `/Users/${userId}`)).toMatchObject({
        id: userId,
        displayName: 'Jane Smith',
        name: { givenName: 'Jane', familyName: 'Smith' },
      }),
  },
  'okta-020': {
    setUp: async (tenant) => {
      const userId = await user(tenant, 'test.user@okta.local', { externalId: '00u20' });
      return { userId, groupId: await group(tenant, 'Kept', [userId]) };
    },
    events: ['user.updated'],
    verify: async (tenant, variables) => {
      expect(await members(tenant, variables)).toEqual([variables.userId]);
      expect(await stored(tenant, `/Users/${variables.userId}`)).toMatchObject({
        externalId: '00u20',
        groups: [{ value: variables.groupId, display: 'Kept' }],
      });
    },
  },
  'okta-021': {
    setUp: async (tenant) => ({ userId: await user(tenant, 'jane.doe@example.com') }),
    events: ['user.updated'],
    verify: async (tenant, { userId }) => {
      const reply = await tenant.send('GET', `/Users/${userId}`);
      expect(reply.text).not.toContain('TkdFNVdIVkxhM2c9');
      expect(reply.body.meta.created).toMatch(/^20\d\d-\d\d-\d\dT/);
    },
  },
  'okta-030': {
    setUp: async (tenant) => ({
      userId: await user(tenant, 'octocat@github.com', {
        displayName: 'Mona Octocat',
        name: { familyName: 'Octocat', formatted: 'Mona Octocat', givenName: 'Mona' },
        externalId: '00u1dhhb1fkIGP7RL1d8',
      }),
    }),
    events: ['user.deactivated'],
  },
  'okta-031': {
    setUp: async (tenant) => ({ userId: await user(tenant, 'a@okta.local') }),
    events: ['user.deactivated'],
  },
  'okta-032': {
    setUp: async (tenant) => {
      const userId = await user(tenant, 'test.user@okta.local');
      await tenant.send('PATCH', `/Users/${userId}`, { Operations: [{ op: 'replace', value: { active: false } }] });
      return { userId };
    },
    events: ['user.reactivated'],
    verify: async (tenant, { userId }) =>
      expect(await stored(tenant, `/Users/${userId}`)).toMatchObject({ id: userId, active: true }),
  },
  'okta-040': {
    setUp: async (tenant) => ({
      userId: await user(tenant, 'one@okta.local'),
      userId2: await user(tenant, 'two@okta.local'),
    }),
    events: [],
  },
  'okta-050': {
    setUp: async (tenant) => ({ userId: await user(tenant, 'ava.nguyen@example.com') }),
    events: ['group.created', 'group.members-changed'],
    verify: async (tenant, v) => expect(await members(tenant, v)).toEqual([v.userId]),
  },
  'okta-051': { events: ['group.created'] },
  'okta-052': {
    setUp: (tenant) => groupOf(tenant, 1, 2),
    events: ['group.renamed', 'group.members-changed'],
    verify: async (tenant, v) => expect(await members(tenant, v)).toEqual([v.userId, v.userId2].sort()),
  },
  'okta-054': {
    setUp: (tenant) => groupOf(tenant, 1, 1),
    events: ['group.renamed'],
    verify: async (tenant, v) => {
      expect((await stored(tenant, `/Groups/${v.groupId}`)).displayName).toBe('org-cd1:admin');
      expect(await members(tenant, v)).toEqual([v.userId]);
    },
  },
  'okta-055': {
    setUp: async (tenant) => {
      const variables = await groupOf(tenant, 2, 5);
      // A fifth member that the request does not name must stay.
      await tenant.send('PATCH', `/Groups/${variables.groupId}`, {
        Operations: [{ op: 'add', path: 'members', value: [{ value: variables.userId5 }] }],
      });
      return variables;
    },
    events: ['group.members-changed'],
    verify: async (tenant, v) => expect(await members(tenant, v)).toEqual([v.userId3, v.userId4, v.userId5].sort()),
  },
  'okta-056': {
    setUp: async (tenant) => {
      const variables = await groupOf(tenant, 1, 3);
      await tenant.send('PATCH', `/Groups/${variables.groupId}`, {
        Operations: [{ op: 'add', path: 'members', value: [{ value: variables.userId3 }] }],
      });
      return variables;
    },
    events: ['group.members-changed'],
    verify: async (tenant, v) => expect(await members(tenant, v)).toEqual([v.userId, v.userId2].sort()),
  },
  'okta-057': {
    setUp: (tenant) => groupOf(tenant, 2, 2),
    events: ['group.members-changed'],
    verify: async (tenant, v) => expect(await members(tenant, v)).toEqual([]),
  },
  'okta-059': {
    setUp: (tenant) => groupOf(tenant, 1, 1),
    events: ['group.deleted'],
    verify: async (tenant, v) =>
      expect(await stored(tenant, `/Users/${v.userId}`)).toMatchObject({ active: true, groups: [] }),
  },
  'okta-070': { events: [] },
  'okta-071': { events: ['user.created'] },
  'okta-072': { setUp: async (tenant) => ({ groupId: await group(tenant, 'One') }), events: [] },
};

export function fixtureOf(id: string): Fixture {
  const fixture = FIXTURES[id];
  if (!fixture)
    throw new Error(`the replay case ${id} has no fixture; add one that lists the events that it must cause`);
  return fixture;
}
