/**
 * Simulates scim-gateway and hub: keeps people, groups and settings, and publishes their events through real outboxes of
 * the schemas `directory` and `hub`. In the end Cognito has to show what this directory holds.
 */
import { randomUUID } from 'node:crypto';
import type { GroupMembersPage, GroupMembersQuery } from '#contracts';
import { Outbox, type Sequencer, type NewEvent, postgresSequencer } from '#event-bus';
import { MEMBERS_PER_EVENT, type AccessUser, type DirectoryUser, type RoleMapping, type TenantSettings } from '#events';
import { createLogger, Database, Metrics } from '#platform';
import { defaultSettings } from '#settings';
import type { TestDatabase } from './database.js';

export interface Person extends DirectoryUser {
  readonly tenant: string;
  version: number;
  accessVersion: number;
  userName: string;
  externalId: string | null;
  active: boolean;
  displayName: string | null;
  email: string | null;
  groups: string[];
  deleted: boolean;
}

export interface Group {
  readonly id: string;
  readonly tenant: string;
  version: number;
  displayName: string;
  deleted: boolean;
}

export interface Tenant {
  readonly id: string;
  version: number;
  settings: TenantSettings;
}

export interface DirectoryChange {
  readonly person: Person;
  readonly event: NewEvent;
}

/** Called after each publication. */
export interface DirectoryFollower {
  peopleChanged(changes: readonly DirectoryChange[]): Promise<void>;
  settingsChanged(tenant: Tenant): Promise<void>;
}

const U = 'com.stackflow.directory.user';
const G = 'com.stackflow.directory.group';
const ACCESS_CHANGES = /user\.(created|deactivated|reactivated|deleted)\./;

export class Directory {
  readonly people = new Map<string, Person>();
  readonly groups = new Map<string, Group>();
  readonly tenants = new Map<string, Tenant>();
  follower: DirectoryFollower | null = null;
  private readonly userOutbox = new Outbox('directory', 'scim-gateway');
  private readonly hubOutbox = new Outbox('hub', 'integration-hub');
  private requests = 0;
  /** Publications happen one after the other, so that the events of a group have the order of its versions. */
  private publishing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly directory: Database,
    private readonly hub: Database,
    private readonly sequencers: readonly Sequencer[],
  ) {}

  static async open(database: TestDatabase): Promise<Directory> {
    const logger = createLogger('test', 'silent');
    const directory = await Database.connect({ url: database.url('scim-gateway'), schema: 'directory' });
    const hub = await Database.connect({ url: database.url('integration-hub'), schema: 'hub' });
    const sequencers = [directory, hub].map((d) =>
      postgresSequencer({
        database: d,
        schema: d.schema,
        logger,
        metrics: new Metrics('test', { process: false }),
      }),
    );
    await Promise.all(sequencers.map((s) => s.start()));
    return new Directory(directory, hub, sequencers);
  }

  async close(): Promise<void> {
    await Promise.all(this.sequencers.map((s) => s.stop()));
    await Promise.all([this.directory.close(), this.hub.close()]);
  }

  async addTenant(change: Partial<TenantSettings> = {}): Promise<Tenant> {
    const id = randomUUID();
    const tenant: Tenant = {
      id,
      version: 0,
      settings: {
        ...defaultSettings(),
        tenant: { id, slug: `t-${id.slice(0, 8)}`, host: null },
        scimToken: null,
        ...change,
      },
    };
    this.tenants.set(id, tenant);
    await this.configure(tenant, {});
    return tenant;
  }

  async configure(tenant: Tenant, change: Partial<TenantSettings>): Promise<void> {
    tenant.settings = { ...tenant.settings, ...change };
    tenant.version++;
    const event: NewEvent = {
      type: 'com.stackflow.integration.settings.changed.v1',
      tenant: tenant.id,
      subject: tenant.id,
      sequence: tenant.version,
      causationId: `settings:${tenant.version}`,
      data: tenant.settings,
    };
    await this.hub.tx((tx) => this.hubOutbox.add(tx, [event]));
    await this.follower?.settingsChanged(tenant);
  }

  map(tenant: Tenant, ...mappings: [string, string][]): Promise<void> {
    const roleMappings: RoleMapping[] = mappings.map(([name, role]) => ({ group: { name }, role }));
    return this.configure(tenant, { roleMappings });
  }

  async addPerson(tenant: Tenant, name: string, change: Partial<Person> = {}): Promise<Person> {
    const person = this.person(tenant, name, change);
    await this.publishUser([this.userEvent(person, 'created', { user: dataOf(person) })]);
    return person;
  }

  /** Adds many people at once, as members of `group` if it is given. */
  async addPeople(tenant: Tenant, count: number, group?: Group): Promise<Person[]> {
    const people = Array.from({ length: count }, (_, i) =>
      this.person(tenant, `bulk${i}-${randomUUID().slice(0, 6)}`, {}),
    );
    const events = people.map((p) => this.userEvent(p, 'created', { user: dataOf(p) }));
    for (let i = 0; i < events.length; i += 1000) await this.publishUser(events.slice(i, i + 1000));
    if (group) await this.changeMembers(group, people, []);
    return people;
  }

  async update(
    person: Person,
    change: Partial<Pick<Person, 'userName' | 'externalId' | 'displayName' | 'email'>>,
  ): Promise<void> {
    Object.assign(person, change);
    await this.publishUser([this.userEvent(person, 'updated', { user: dataOf(person), changed: Object.keys(change) })]);
  }

  async setActive(person: Person, active: boolean): Promise<void> {
    if (person.active === active) return;
    person.active = active;
    await this.publishUser([this.userEvent(person, active ? 'reactivated' : 'deactivated', { user: dataOf(person) })]);
  }

  /** Deactivates many people in few transactions. */
  async deactivateAll(people: readonly Person[]): Promise<void> {
    const events = people.map((person) => {
      person.active = false;
      return this.userEvent(person, 'deactivated', { user: dataOf(person) });
    });
    for (let i = 0; i < events.length; i += 500) await this.publishUser(events.slice(i, i + 500));
  }

  async remove(person: Person): Promise<void> {
    person.deleted = true;
    person.groups = [];
    await this.publishUser([this.userEvent(person, 'deleted', { user: dataOf(person) })]);
  }

  async addGroup(tenant: Tenant, displayName: string): Promise<Group> {
    const group: Group = { id: randomUUID(), tenant: tenant.id, version: 1, displayName, deleted: false };
    this.groups.set(group.id, group);
    await this.publishGroup(group, 'created', { group: groupData(group) });
    return group;
  }

  /** Returns the group with this name, and adds it if there is none: scim-gateway refuses a second one. */
  async groupNamed(tenant: Tenant, displayName: string): Promise<Group> {
    const same = (group: Group) => !group.deleted && group.tenant === tenant.id && group.displayName === displayName;
    return [...this.groups.values()].find(same) ?? (await this.addGroup(tenant, displayName));
  }

  /** Adds a group to the directory without publishing the event about it. */
  silentGroup(tenant: Tenant, displayName: string): Group {
    const group: Group = { id: randomUUID(), tenant: tenant.id, version: 1, displayName, deleted: false };
    this.groups.set(group.id, group);
    return group;
  }

  publishCreated(group: Group): Promise<void> {
    return this.publishGroup({ ...group, version: 1 }, 'created', { group: { ...groupData(group), version: 1 } });
  }

  async rename(group: Group, displayName: string): Promise<void> {
    const previousDisplayName = group.displayName;
    group.displayName = displayName;
    group.version++;
    await this.publishGroup(group, 'renamed', { group: groupData(group), previousDisplayName });
  }

  async join(person: Person, group: Group): Promise<void> {
    if (!person.groups.includes(group.id)) await this.changeMembers(group, [person], []);
  }

  async leave(person: Person, group: Group): Promise<void> {
    if (person.groups.includes(group.id)) await this.changeMembers(group, [], [person]);
  }

  /** Publishes as many events as the change needs, as scim-gateway does. */
  async changeMembers(group: Group, joined: readonly Person[], left: readonly Person[]): Promise<void> {
    for (const person of joined) person.groups = [...person.groups, group.id].sort();
    for (const person of left) person.groups = person.groups.filter((g) => g !== group.id);
    const changes = [...joined.map(({ id }) => ({ id, in: true })), ...left.map(({ id }) => ({ id, in: false }))];
    const events: NewEvent[] = [];
    for (let i = 0; i < changes.length; i += MEMBERS_PER_EVENT) {
      const chunk = changes.slice(i, i + MEMBERS_PER_EVENT);
      group.version++;
      const ids = (inside: boolean) => chunk.filter((c) => c.in === inside).map((c) => c.id);
      events.push(
        this.groupEvent(group, 'members-changed', { group: groupData(group), joined: ids(true), left: ids(false) }),
      );
    }
    await this.publish(events);
  }

  /** Answers as scim-gateway's internal API does. */
  members(groupId: string, { after, limit = 1_000 }: GroupMembersQuery): GroupMembersPage | null {
    const group = this.groups.get(groupId);
    if (!group || group.deleted) return null;
    const ids = [...this.people.values()].filter((p) => p.groups.includes(groupId)).map(({ id }) => id);
    const rest = ids.sort().filter((id) => after === undefined || id > after);
    const members = rest.slice(0, limit);
    return { version: group.version, members, next: rest.length > limit ? (members.at(-1) ?? null) : null };
  }

  /** As scim-gateway does: one event says that the group is deleted and that nobody is a member any more. */
  async removeGroup(group: Group): Promise<void> {
    group.deleted = true;
    for (const person of this.people.values()) person.groups = person.groups.filter((g) => g !== group.id);
    group.version++;
    await this.publishGroup(group, 'deleted', { group: groupData(group) });
  }

  /** Appends events to the log again, as a carrier does that delivers twice. */
  async republish(admin: Database, where: string, values: unknown[] = []): Promise<number> {
    const rows = await admin.query(
      `insert into bus.event_log (topic, partition, key, event_id, type, source, subject, tenant, sequence, time, causation_id, traceparent, data)
       select topic, partition, key, event_id, type, source, subject, tenant, sequence, time, causation_id, traceparent, data from bus.event_log where ${where} order by position returning position`,
      values,
    );
    return rows.length;
  }

  private person(tenant: Tenant, name: string, change: Partial<Person>): Person {
    const person: Person = {
      id: randomUUID(),
      tenant: tenant.id,
      version: 0,
      accessVersion: 0,
      userName: `${name}@example.com`,
      externalId: `00u${randomUUID().slice(0, 12)}`,
      active: true,
      displayName: `Person ${name}`,
      name: { givenName: 'Person', familyName: name },
      email: `${name}@example.com`,
      groups: [],
      deleted: false,
      ...change,
    };
    this.people.set(person.id, person);
    return person;
  }

  private userEvent(person: Person, what: string, data: unknown, request = `req-${++this.requests}`): NewEvent {
    person.version++;
    return {
      type: `${U}.${what}.v2`,
      tenant: person.tenant,
      subject: person.id,
      sequence: person.version,
      causationId: request,
      data,
    } as NewEvent;
  }

  /** Publishes events about people and, as scim-gateway does, an access event for each change that concerns access. */
  private async publishUser(events: readonly NewEvent[]): Promise<void> {
    await this.publish(events.flatMap((event) => [...this.accessEvents(event), event]));
    const changes = events.flatMap((event) => {
      const person = this.people.get(event.subject);
      return person ? [{ person, event }] : [];
    });
    await this.follower?.peopleChanged(changes);
  }

  private accessEvents({ type, tenant, subject, causationId, data }: NewEvent): NewEvent[] {
    const person = this.people.get(subject);
    const { user, changed } = data as { user: DirectoryUser; changed?: string[] };
    const names = changed?.some((name) => name === 'userName' || name === 'externalId');
    if (!person || (!names && !ACCESS_CHANGES.test(type))) return [];
    const { id, userName, externalId, displayName, active } = user;
    const state: AccessUser = { id, userName, externalId, displayName, active, deleted: /deleted/.test(type) };
    return [
      {
        type: 'com.stackflow.directory.access.changed.v1',
        tenant,
        subject,
        sequence: ++person.accessVersion,
        causationId,
        data: {
          user: state.deleted ? { ...state, userName: '', externalId: null, displayName: null, active: false } : state,
        },
      },
    ];
  }

  private publishGroup(group: Group, what: string, data: unknown): Promise<void> {
    return this.publish([this.groupEvent(group, what, data)]);
  }

  private groupEvent(group: Group, what: string, data: unknown): NewEvent {
    return {
      type: `${G}.${what}.v1`,
      tenant: group.tenant,
      subject: group.id,
      sequence: group.version,
      causationId: `req-${++this.requests}`,
      data,
    } as NewEvent;
  }

  private publish(events: readonly NewEvent[]): Promise<void> {
    const published = this.publishing.then(() => this.directory.tx((tx) => this.userOutbox.add(tx, events)));
    this.publishing = published.catch(() => undefined);
    return published;
  }
}

const dataOf = ({ id, userName, externalId, active, displayName, name, email }: Person): DirectoryUser => ({
  id,
  userName,
  externalId,
  active,
  displayName,
  name,
  email,
});
const groupData = ({ id, displayName, version }: Group) => ({ id, displayName, externalId: null, version });
