/** The members of a group are read from scim-gateway when a mapping begins to name it, while events about it arrive. */
import { randomUUID } from 'node:crypto';
import type { GroupMembersPage, GroupMembersQuery } from '#contracts';
import type { EventEnvelope } from '#events';
import { createLogger } from '#platform';
import { defaultSettings } from '#settings';
import { envelope, HandlerRig } from './handlers.js';

const ROLES = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

/** One tenant of scim-gateway: people and groups, and the events that have not been delivered. */
class World {
  readonly tenant = randomUUID();
  readonly groups = new Map<string, { version: number; name: string; members: Set<string> }>();
  private settingsVersion = 0;

  constructor(private readonly rig: HandlerRig) {
    rig.directories.set(this.tenant, (group, query) => this.page(group, query));
  }

  page(group: string, { after }: GroupMembersQuery, limit = 2): GroupMembersPage {
    const { version, members } = this.group(group);
    const rest = [...members].sort().filter((id) => after === undefined || id > after);
    const page = rest.slice(0, limit);
    return { version, members: page, next: rest.length > limit ? (page.at(-1) ?? null) : null };
  }

  async map(...mappings: [name: string, role: string][]): Promise<void> {
    const roleMappings = mappings.map(([name, role]) => ({ group: { name }, role }));
    const tenant = { id: this.tenant, slug: `t-${this.tenant}`, host: null };
    const data = { ...defaultSettings(), roles: ROLES, brake: null, roleMappings, tenant, scimToken: null };
    const version = ++this.settingsVersion;
    const type = 'com.stackflow.integration.settings.changed.v1';
    await this.rig.deliver(envelope(type, this.tenant, this.tenant, version, data, `settings:${version}`));
  }

  async people(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => randomUUID()).sort();
    for (const id of ids) await this.rig.deliver(this.created(id));
    await this.rig.reevaluateAll();
    return ids;
  }

  created(id: string): EventEnvelope {
    const names = { displayName: null, name: { givenName: null, familyName: null }, email: null, externalId: null };
    const user = { id, userName: `${id}@x`, active: true, ...names };
    return envelope('com.stackflow.directory.user.created.v2', this.tenant, id, 1, { user });
  }

  /** Creates a group and delivers its events. */
  async addGroup(name: string, members: readonly string[]): Promise<string> {
    const id = randomUUID();
    this.groups.set(id, { version: 0, name, members: new Set() });
    await this.rig.deliver(this.event(id, 'created', {}));
    await this.rig.deliver(this.change(id, members, []));
    await this.rig.reevaluateAll();
    return id;
  }

  change(id: string, joined: readonly string[], left: readonly string[]): EventEnvelope {
    const { members } = this.group(id);
    for (const user of joined) members.add(user);
    for (const user of left) members.delete(user);
    return this.event(id, 'members-changed', { joined, left });
  }

  rename(id: string, name: string): EventEnvelope {
    const group = this.group(id);
    const previousDisplayName = group.name;
    group.name = name;
    return this.event(id, 'renamed', { previousDisplayName });
  }

  event(id: string, what: string, more: object): EventEnvelope {
    const group = this.group(id);
    const version = ++group.version;
    const data = { group: { id, displayName: group.name, externalId: null, version }, ...more };
    const type = `com.stackflow.directory.group.${what}.v1`;
    return envelope(type, this.tenant, id, version, data, `req-${what}-${version}`);
  }

  private group(id: string) {
    const group = this.groups.get(id);
    if (!group) throw new Error(`no group ${id}`);
    return group;
  }
}

describe('the members of a group that a mapping begins to name', () => {
  let rig: HandlerRig;
  let world: World;
  beforeAll(async () => {
    rig = await HandlerRig.start(createLogger('test', 'silent'));
  });
  beforeEach(async () => {
    await rig.database.query('delete from membership_load');
    world = new World(rig);
    await world.map();
  });
  afterAll(() => rig.close());

  const rolesOf = async (ids: readonly string[]): Promise<string[]> => {
    const rows = await rig.database.query<{ id: string; roles: string[] }>(
      'select id, roles from account where tenant = $1',
      [world.tenant],
    );
    return ids.map((id) => rows.find((row) => row.id === id)?.roles.join() ?? 'missing');
  };
  const stored = async (group: string): Promise<string[]> =>
    (
      await rig.database.query<{ id: string }>('select user_id as id from membership where group_id = $1 order by 1', [
        group,
      ])
    ).map(({ id }) => id);
  const stateOf = async (group: string): Promise<string | undefined> =>
    (await rig.database.query<{ members: string }>('select members from directory_group where id = $1', [group]))[0]
      ?.members;
  const grants = () =>
    rig.database.query(
      `select granted_cause as cause, granted_causation_id as causation, granted_group as "group", revoked_at is null as open from role_grant where tenant = $1`,
      [world.tenant],
    );
  const start = async (): Promise<void> => {
    while (await rig.reevaluator.round());
  };
  const nextPage = async (): Promise<void> => {
    await rig.database.query('update membership_load set next_attempt_at = now()');
    await rig.loader.round();
  };

  it('are stored only while a mapping names the group, and each grant names the change of the mapping', async () => {
    const people = await world.people(5);
    const group = await world.addGroup('Helpdesk', people);
    expect([await stateOf(group), await stored(group)]).toEqual(['unknown', []]);
    await world.map(['helpdesk', 'itsm_agent']);
    await rig.reevaluateAll();
    expect([await stateOf(group), await stored(group)]).toEqual(['complete', people]);
    expect(await rolesOf(people)).toEqual(people.map(() => 'itsm_agent'));
    const granted = { cause: 'settings.changed', causation: 'settings:2', group, open: true };
    expect(await grants()).toEqual(people.map(() => granted));
    await world.map();
    await rig.reevaluateAll();
    expect([await stateOf(group), await stored(group)]).toEqual(['unknown', []]);
    expect(await rolesOf(people)).toEqual(people.map(() => ''));
  });

  it('are known at once for a group that is created under a mapped name, whoever arrives first', async () => {
    await world.map(['Staff', 'viewer']);
    rig.directories.delete(world.tenant); // scim-gateway is not needed
    const [later, early = ''] = [randomUUID(), ...(await world.people(1))];
    const group = await world.addGroup('Staff', [early, later]);
    expect([await stateOf(group), await rolesOf([early, later])]).toEqual(['complete', ['viewer', 'missing']]);
    await rig.deliver(world.created(later));
    await rig.reevaluateAll();
    expect(await rolesOf([later])).toEqual(['viewer']);
  });

  it('cost nobody a role while they load: a mapping that moves to another group revokes from nobody who is in both', async () => {
    const [both = '', old = ''] = await world.people(2);
    await world.map(['Old', 'viewer']);
    await world.addGroup('Old', [both, old]);
    await world.addGroup('New', [both]);
    expect(await rolesOf([both, old])).toEqual(['viewer', 'viewer']);
    await world.map(['New', 'viewer']);
    await start();
    expect(await rolesOf([both, old])).toEqual(['viewer', 'viewer']);
    await rig.reevaluateAll();
    expect(await rolesOf([both, old])).toEqual(['viewer', '']);
    expect((await grants()).map((grant) => grant.open).sort()).toEqual([false, true]);
  });

  it('are those of the last event, however people join and leave between the pages', async () => {
    const people = await world.people(6);
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = people;
    const group = await world.addGroup('Team', [a, b, c, d]);
    await world.map(['Team', 'viewer']);
    await start();
    await nextPage(); // a, b
    const events = [world.change(group, [e], [a]), world.change(group, [a, f], [d]), world.change(group, [], [b, e])];
    await nextPage(); // the rest, of a version whose events have not arrived
    await nextPage();
    expect(await stateOf(group)).toBe('loading');
    for (const event of events) await rig.deliver(event);
    await rig.reevaluateAll();
    expect([await stateOf(group), await stored(group)]).toEqual(['complete', [a, c, f]]);
    expect(await rolesOf(people)).toEqual(['viewer', '', 'viewer', '', '', 'viewer']);
  });

  it('are not taken from a page that is older than the events that were applied in the meantime', async () => {
    const [a = '', b = '', c = ''] = await world.people(3);
    const group = await world.addGroup('Team', [a, b]);
    await world.map(['Team', 'viewer']);
    await start();
    rig.directories.set(world.tenant, async (id, query) => {
      const page = world.page(id, query);
      rig.directories.set(world.tenant, (of, next) => world.page(of, next));
      await rig.deliver(world.change(group, [c], [a])); // while the answer is on its way
      return page;
    });
    await nextPage();
    expect(await stored(group)).toEqual([c]);
    await rig.reevaluateAll();
    expect([await stored(group), await rolesOf([a, b, c])]).toEqual([
      [b, c],
      ['', 'viewer', 'viewer'],
    ]);
  });

  it('load after scim-gateway is back, and continue after a crash with the page that was not stored', async () => {
    const people = await world.people(5);
    const group = await world.addGroup('Team', people);
    await world.map(['Team', 'viewer']);
    await start();
    rig.directories.delete(world.tenant);
    for (let i = 0; i < 3; i++) await nextPage();
    const load = 'select attempts, last_error, after from membership_load where group_id = $1';
    expect(await rig.database.query(load, [group])).toMatchObject([{ attempts: 3, after: null }]);
    rig.directories.set(world.tenant, (id, query) => world.page(id, query));
    await nextPage();
    expect(await rig.database.query(load, [group])).toMatchObject([{ attempts: 0, after: people[1] }]);
    // A process that dies here has claimed the load for 30 seconds and stored nothing.
    await rig.database.query(`update membership_load set next_attempt_at = now() + interval '30 seconds'`);
    expect(await rig.loader.round()).toBe(false);
    await rig.reevaluateAll();
    expect(await stored(group)).toEqual(people);
  });

  it('are forgotten when the group is deleted during the load', async () => {
    const people = await world.people(3);
    const group = await world.addGroup('Team', people);
    await world.map(['Team', 'viewer']);
    await start();
    await nextPage();
    await rig.deliver(world.event(group, 'deleted', {}));
    await rig.reevaluateAll();
    expect([await stateOf(group), await stored(group), await rolesOf(people)]).toEqual(['unknown', [], ['', '', '']]);
  });

  it('are loaded to the end when the group, to which the mapping is pinned, is renamed during the load', async () => {
    const people = await world.people(3);
    const group = await world.addGroup('Team', people);
    await world.map(['Team', 'viewer']);
    await start();
    await nextPage();
    await rig.deliver(world.rename(group, 'Other'));
    await rig.reevaluateAll();
    expect([await stateOf(group), await stored(group), await rolesOf(people)]).toEqual([
      'complete',
      people,
      people.map(() => 'viewer'),
    ]);
  });

  it('are loaded when an administrator maps the new name of the group', async () => {
    const people = await world.people(3);
    const group = await world.addGroup('Team', people);
    await rig.deliver(world.rename(group, 'Other'));
    await world.map(['Other', 'viewer']);
    await rig.reevaluateAll();
    expect([await stateOf(group), await stored(group), await rolesOf(people)]).toEqual([
      'complete',
      people,
      people.map(() => 'viewer'),
    ]);
  });

  it('are read again after an event was skipped, and nobody who stays loses a role meanwhile', async () => {
    const [a = '', b = '', c = ''] = await world.people(3);
    await world.map(['Team', 'viewer']);
    const group = await world.addGroup('Team', [a, b]);
    world.change(group, [], [b]); // an operator skipped this event
    await rig.deliver(world.change(group, [c], []));
    expect([await stateOf(group), await rolesOf([a, b, c])]).toEqual(['loading', ['viewer', 'viewer', 'viewer']]);
    await rig.reevaluateAll();
    expect([await stateOf(group), await rolesOf([a, b, c])]).toEqual(['complete', ['viewer', '', 'viewer']]);
  });

  it('take turns between tenants: a tenant with many groups delays no other', async () => {
    const [member = ''] = await world.people(1);
    const names = Array.from({ length: 30 }, (_, i) => `G${i}`);
    for (const name of names) await world.addGroup(name, [member]);
    const small = new World(rig);
    await small.map();
    const [other = ''] = await small.people(1);
    const group = await small.addGroup('Team', [other]);
    await world.map(...names.map((name): [string, string] => [name, 'viewer']));
    await small.map(['Team', 'viewer']);
    await start();
    for (let round = 0; round < 2; round++) await rig.loader.round();
    expect(await stateOf(group)).toBe('complete');
    await rig.reevaluateAll();
  });

  it('evaluate a change of more people than a handler may evaluate later, with the same cause', async () => {
    const people = await world.people(60);
    await world.map(['Team', 'viewer']);
    const group = await world.addGroup('Team', []);
    await rig.deliver(world.change(group, people, []));
    expect((await rolesOf(people)).filter((role) => role !== '')).toEqual([]);
    await rig.reevaluateAll();
    expect(new Set(await rolesOf(people))).toEqual(new Set(['viewer']));
    const [first] = await grants();
    expect(first).toEqual({ cause: 'group.members-changed', causation: 'req-members-changed-3', group, open: true });
  });
});
