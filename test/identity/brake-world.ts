/** A tenant whose people Cognito has and whose groups give them roles, for tests of the brake on the handlers. */
import { randomUUID } from 'node:crypto';
import type { Brake, EventEnvelope, TenantSettings } from '#events';
import { defaultSettings } from '#settings';
import { envelope, type HandlerRig } from './handlers.js';

export interface Member {
  readonly id: string;
  version: number;
}

const GROUPS = { admins: 'StackFlow-Admins', agents: 'StackFlow-Agents', viewers: 'StackFlow-Viewers' } as const;
export type GroupName = keyof typeof GROUPS;

interface WorldGroup {
  readonly id: string;
  readonly displayName: string;
  version: number;
  readonly members: Set<string>;
}

export class BrakeWorld {
  readonly tenant = randomUUID();
  readonly groups: Readonly<Record<GroupName, string>> = {
    admins: randomUUID(),
    agents: randomUUID(),
    viewers: randomUUID(),
  };
  private readonly states = new Map<string, WorldGroup>();
  private settings: TenantSettings;
  private settingsVersion = 0;

  private constructor(
    readonly rig: HandlerRig,
    brake: Brake | null,
  ) {
    rig.directories.set(this.tenant, (id) => {
      const { version, members } = this.group(id);
      return { version, members: [...members].sort(), next: null };
    });
    this.settings = {
      ...defaultSettings(),
      brake,
      tenant: { id: this.tenant, slug: `t-${this.tenant}`, host: null },
      scimToken: null,
    };
  }

  static async create(rig: HandlerRig, brake: Partial<Brake> | null): Promise<BrakeWorld> {
    const full = brake && { percent: 10, atLeast: 2, windowMinutes: 10, holdHours: 24, ...brake };
    const world = new BrakeWorld(rig, full);
    await world.configure({});
    for (const [name, id] of Object.entries(world.groups)) await world.addGroup(id, GROUPS[name as GroupName]);
    await rig.reevaluateAll();
    return world;
  }

  async configure(change: Partial<TenantSettings>): Promise<void> {
    this.settings = { ...this.settings, ...change };
    const version = ++this.settingsVersion;
    const type = 'com.stackflow.integration.settings.changed.v1';
    await this.rig.deliver(envelope(type, this.tenant, this.tenant, version, this.settings, `settings:${version}`));
  }

  /** Adds people in these groups, with accounts as if the reconciler had created them in Cognito. */
  async people(count: number, ...names: GroupName[]): Promise<Member[]> {
    const members = Array.from({ length: count }, () => ({ id: randomUUID(), version: 0 }));
    for (const member of members) await this.rig.deliver(this.userEvent(member, 'created'));
    for (const name of names) await this.rig.deliver(this.changed(this.groups[name], members, []));
    await this.provision();
    return members;
  }

  /**
   * Adds people who each have the role by a group of their own. The events of one group never arrive concurrently, but
   * those of different groups do. Resolves with the event by which each of them loses the role.
   */
  async teams(count: number, role: string): Promise<{ people: Member[]; leaves: EventEnvelope[] }> {
    const ids = Array.from({ length: count }, () => randomUUID());
    const roleMappings = [...this.settings.roleMappings, ...ids.map((id) => ({ role, group: { id } }))];
    await this.configure({ roleMappings });
    const people = await this.people(count);
    for (const [i, id] of ids.entries()) {
      await this.addGroup(id, `Team ${id}`);
      await this.rig.deliver(this.changed(id, people.slice(i, i + 1), []));
    }
    await this.provision();
    return { people, leaves: ids.map((id, i) => this.changed(id, [], people.slice(i, i + 1))) };
  }

  leave(member: Member, name: GroupName): EventEnvelope {
    return this.changed(this.groups[name], [], [member]);
  }

  join(member: Member, name: GroupName): EventEnvelope {
    return this.changed(this.groups[name], [member], []);
  }

  /** One after the other, each in a transaction of its own, as events come. */
  async leaveAll(members: readonly Member[], name: GroupName): Promise<void> {
    for (const member of members) await this.rig.deliver(this.leave(member, name));
  }

  async deleteGroup(name: GroupName): Promise<void> {
    await this.rig.deliver(this.groupEvent('deleted', this.group(this.groups[name]), {}));
    await this.rig.reevaluateAll();
  }

  closed(member: Member, status: 'inactive' | 'removed'): EventEnvelope {
    const data = { account: member.id, status, roles: [], notBefore: null };
    return envelope('com.stackflow.identity.access.changed.v1', this.tenant, member.id, 1, data, 'req-closed');
  }

  /** The roles in effect of each member, in the same order. */
  async roles(members: readonly Member[]): Promise<string[]> {
    const rows = await this.rig.database.query<{ id: string; roles: string[] }>(
      'select id, roles from account where tenant = $1',
      [this.tenant],
    );
    return members.map(({ id }) => rows.find((r) => r.id === id)?.roles.join() ?? 'missing');
  }

  async countWithout(members: readonly Member[], role: string): Promise<number> {
    return (await this.roles(members)).filter((roles) => !roles.split(',').includes(role)).length;
  }

  held(): Promise<{ id: string; lose: string; because: string; cause: string }[]> {
    return this.rig.database.query(
      `select account_id as id, array_to_string(would_lose, ',') as lose, held_because as because, cause from held_role_loss
        where tenant = $1 and released_at is null order by held_at`,
      [this.tenant],
    );
  }

  /** Moves everything so far into the past. */
  async age(minutes: number): Promise<void> {
    await this.rig.database.query(
      `update role_grant set revoked_at = revoked_at - make_interval(mins => $2) where tenant = $1 and revoked_at is not null`,
      [this.tenant, minutes],
    );
    await this.rig.database.query(
      `update held_role_loss set held_until = held_until - make_interval(mins => $2) where tenant = $1`,
      [this.tenant, minutes],
    );
    await this.rig.database.query(
      `update account set provisioned_at = provisioned_at - make_interval(mins => $2) where tenant = $1`,
      [this.tenant, minutes],
    );
  }

  private group(id: string): WorldGroup {
    const group = this.states.get(id);
    if (!group) throw new Error(`no group ${id}`);
    return group;
  }

  private async addGroup(id: string, displayName: string): Promise<void> {
    this.states.set(id, { id, displayName, version: 0, members: new Set() });
    await this.rig.deliver(this.groupEvent('created', this.group(id), {}));
  }

  /** As the reconciler does after Cognito has created the users. */
  private async provision(): Promise<void> {
    await this.rig.reevaluateAll();
    await this.rig.database.query(
      `update account set provisioned_at = now(), announced_status = status where tenant = $1 and provisioned_at is null`,
      [this.tenant],
    );
  }

  private changed(id: string, joined: readonly Member[], left: readonly Member[]): EventEnvelope {
    const group = this.group(id);
    for (const member of joined) group.members.add(member.id);
    for (const member of left) group.members.delete(member.id);
    const ids = (members: readonly Member[]) => members.map((member) => member.id);
    return this.groupEvent('members-changed', group, { joined: ids(joined), left: ids(left) });
  }

  private groupEvent(what: string, group: WorldGroup, more: object): EventEnvelope {
    const { id, displayName } = group;
    const version = ++group.version;
    const data = { group: { id, displayName, externalId: null, version }, ...more };
    return envelope(`com.stackflow.directory.group.${what}.v1`, this.tenant, id, version, data, `group-${what}`);
  }

  private userEvent(member: Member, what: string): EventEnvelope {
    const user = {
      id: member.id,
      userName: `${member.id}@x`,
      externalId: null,
      active: true,
      displayName: null,
      name: { givenName: null, familyName: null },
      email: null,
    };
    const type = `com.stackflow.directory.user.${what}.v2`;
    return envelope(type, this.tenant, member.id, ++member.version, { user }, `req-${what}`);
  }
}
