/** A tenant whose people Cognito has and whose groups give them roles, for tests of the brake on the handlers. */
import { randomUUID } from 'node:crypto';
import type { Brake, EventEnvelope, TenantSettings } from '#events';
import { defaultSettings } from '#settings';
import { envelope, type HandlerRig } from './handlers.js';

export interface Member {
  readonly id: string;
  version: number;
  groups: string[];
}

const GROUPS = { admins: 'StackFlow-Admins', agents: 'StackFlow-Agents', viewers: 'StackFlow-Viewers' } as const;
export type GroupName = keyof typeof GROUPS;

export class BrakeWorld {
  readonly tenant = randomUUID();
  readonly groups: Readonly<Record<GroupName, string>> = {
    admins: randomUUID(),
    agents: randomUUID(),
    viewers: randomUUID(),
  };
  private settings: TenantSettings;
  private settingsVersion = 0;

  private constructor(
    readonly rig: HandlerRig,
    brake: Brake | null,
  ) {
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
    for (const [name, id] of Object.entries(world.groups))
      await rig.deliver(world.groupEvent('created', id, 1, GROUPS[name as GroupName]));
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
    const members = Array.from({ length: count }, () => ({
      id: randomUUID(),
      version: 0,
      groups: names.map((name) => this.groups[name]).sort(),
    }));
    for (const member of members) await this.rig.deliver(this.userEvent(member, 'created', {}));
    await this.rig.reevaluateAll();
    await this.rig.database.query(
      `update account set provisioned_at = now(), announced_status = status where tenant = $1 and provisioned_at is null`,
      [this.tenant],
    );
    return members;
  }

  leave(member: Member, name: GroupName): EventEnvelope {
    member.groups = member.groups.filter((g) => g !== this.groups[name]);
    return this.userEvent(member, 'left-group', { group: this.group(name) });
  }

  join(member: Member, name: GroupName): EventEnvelope {
    member.groups = [...member.groups, this.groups[name]].sort();
    return this.userEvent(member, 'joined-group', { group: this.group(name) });
  }

  /** One after the other, each in a transaction of its own, as events come. */
  async leaveAll(members: readonly Member[], name: GroupName): Promise<void> {
    for (const member of members) await this.rig.deliver(this.leave(member, name));
  }

  async deleteGroup(name: GroupName): Promise<void> {
    await this.rig.deliver(this.groupEvent('deleted', this.groups[name], 2, GROUPS[name]));
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

  private group(name: GroupName) {
    return { id: this.groups[name], displayName: GROUPS[name], externalId: null, version: 1 };
  }

  private groupEvent(what: string, id: string, version: number, displayName: string): EventEnvelope {
    const data = { group: { id, displayName, externalId: null, version } };
    return envelope(`com.stackflow.directory.group.${what}.v1`, this.tenant, id, version, data, `group-${what}`);
  }

  private userEvent(member: Member, what: string, more: object): EventEnvelope {
    const user = {
      id: member.id,
      userName: `${member.id}@x`,
      externalId: null,
      active: true,
      displayName: null,
      name: { givenName: null, familyName: null },
      email: null,
      groups: member.groups,
    };
    const type = `com.stackflow.directory.user.${what}.v1`;
    return envelope(type, this.tenant, member.id, ++member.version, { user, ...more }, `req-${what}`);
  }
}
