/** A small directory and a small deactivation-worker: turns pushes into events, in one queue for each key of the bus. */
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { ApiProblem, type GroupMembersPage, type GroupMembersQuery } from '#contracts';
import type { Access, Brake, EventEnvelope, OffboardingCase, RoleMapping } from '#events';
import { defaultSettings } from '#settings';
import { deriveRoles } from '../../apps/identity-service/src/accounts/derive-roles.js';
import { envelope } from './handlers.js';
import { withPins, type Pins } from '../support/pins.js';
import { caseOf } from '../support/identity-worker.js';

export const PEOPLE = 4;
export const GROUPS = 4;
const NAMES = ['StackFlow-Admins', 'STACKFLOW-admins', 'Agents', 'ågents', 'Other'];
const ROLES = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

const index = (n: number) => fc.integer({ min: 0, max: n - 1 });
const mapping = fc.oneof(
  fc.record({ role: fc.constantFrom(...ROLES), name: fc.constantFrom(...NAMES) }),
  fc.record({ role: fc.constantFrom(...ROLES), group: index(GROUPS) }),
);
export const push = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('join' as const), person: index(PEOPLE), group: index(GROUPS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('leave' as const), person: index(PEOPLE), group: index(GROUPS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('rename' as const), group: index(GROUPS), name: fc.constantFrom(...NAMES) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete group' as const), group: index(GROUPS) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('active' as const), person: index(PEOPLE), active: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete person' as const), person: index(PEOPLE) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('close' as const, 'complete' as const, 'open' as const),
      person: index(PEOPLE),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('settings' as const),
      mappings: fc.array(mapping, { maxLength: 4 }),
      reverse: fc.boolean(),
    }),
  },
);
export type Push = typeof push extends fc.Arbitrary<infer T> ? T : never;

export class Model {
  readonly tenant = randomUUID();
  readonly people = Array.from({ length: PEOPLE }, () => ({
    id: randomUUID(),
    version: 0,
    active: true,
    deleted: false,
    groups: new Set<number>(),
    access: 'active',
    accessVersion: 0,
    cases: 0,
    latest: null as OffboardingCase | null,
  }));
  readonly groups = Array.from({ length: GROUPS }, (_, i) => ({
    id: randomUUID(),
    version: 0,
    displayName: NAMES[i] ?? '',
    deleted: false,
  }));
  readonly queues = new Map<string, EventEnvelope[]>();
  settings = {
    ...defaultSettings(),
    tenant: { id: this.tenant, slug: `t-${this.tenant}`, host: null },
    scimToken: null,
  };
  settingsVersion = 0;

  constructor(brake: Brake | null = null) {
    this.configure({ brake });
    for (const group of this.groups) this.groupEvent(group, 'created', {});
    for (const person of this.people) {
      this.personEvent(person, 'created', {});
      this.publishAccess(person, 'active', 'created');
    }
  }

  apply(p: Push): void {
    if (p.do === 'settings') {
      const roleMappings: RoleMapping[] = p.mappings.map((m) => ({
        role: m.role,
        group: 'name' in m ? { name: m.name } : { id: this.group(m.group).id },
      }));
      return this.configure({
        roleMappings,
        roles: p.reverse ? [...ROLES].reverse() : ROLES,
      });
    }
    if (p.do === 'rename' || p.do === 'delete group') {
      const group = this.group(p.group);
      if (group.deleted) return;
      if (p.do === 'rename') {
        const previousDisplayName = group.displayName;
        group.displayName = p.name;
        return this.groupEvent(group, 'renamed', { previousDisplayName });
      }
      group.deleted = true;
      this.people.forEach((person) => person.groups.delete(p.group));
      return this.groupEvent(group, 'deleted', {});
    }
    const person = this.people[p.person];
    if (!person || person.deleted) return;
    if (p.do === 'join' && !this.group(p.group).deleted && !person.groups.has(p.group)) {
      person.groups.add(p.group);
      this.groupEvent(this.group(p.group), 'members-changed', { joined: [person.id], left: [] });
    } else if (p.do === 'leave') this.leave(person, p.group);
    else if (p.do === 'active' && person.active !== p.active) {
      person.active = p.active;
      this.personEvent(person, p.active ? 'reactivated' : 'deactivated', {});
    } else if (p.do === 'delete person') {
      person.deleted = true;
      person.groups.clear();
      this.personEvent(person, 'deleted', {});
      this.remove(person);
    } else if (p.do === 'close' && person.access === 'active') this.close(person, 'inactive');
    else if (p.do === 'complete') this.endCase(person, 'completed');
    else if (p.do === 'open' && person.access === 'inactive') {
      this.endCase(person, 'superseded');
      this.publishAccess(person, 'active', `open-${person.accessVersion}`);
    }
  }

  /** Answers about the state after all pushes, in pages of one id or two, however many were asked for. */
  readonly members = (groupId: string, { after }: GroupMembersQuery): GroupMembersPage => {
    const index = this.groups.findIndex(({ id }) => id === groupId);
    const { version, deleted } = this.group(index);
    if (deleted) throw new ApiProblem('scim-gateway', 404, 'not_found', 'The tenant has no such group.');
    const ids = this.people.filter(({ groups }) => groups.has(index)).map(({ id }) => id);
    const rest = ids.sort().filter((id) => after === undefined || id > after);
    const members = rest.slice(0, 1 + (version % 2));
    return { version, members, next: rest.length > members.length ? (members.at(-1) ?? null) : null };
  };

  private remove(person: Model['people'][number]): void {
    if (person.access === 'active') this.close(person, 'removed');
    else this.publishAccess(person, 'removed', 'deleted');
    this.endCase(person, 'completed');
  }

  /** The event about access and all events of the case carry the same causation id. */
  private close(person: Model['people'][number], status: Access['status']): void {
    const causation = `close-${person.accessVersion}`;
    this.publishAccess(person, status, causation);
    const who = { id: person.id, userName: 'x', displayName: null };
    this.caseEvent(person, 'opened', caseOf(who, ['user.deactivated', causation]));
  }

  private endCase(person: Model['people'][number], state: 'completed' | 'superseded'): void {
    if (person.latest?.state === 'running') this.caseEvent(person, state, { ...person.latest, state });
  }

  private publishAccess(person: Model['people'][number], status: Access['status'], causation: string): void {
    person.access = status;
    const data = { account: person.id, status, roles: [], notBefore: null };
    const sequence = ++person.accessVersion;
    this.publish(
      `access ${this.people.indexOf(person)}`,
      envelope('com.stackflow.identity.access.changed.v1', this.tenant, person.id, sequence, data, causation),
    );
  }

  private caseEvent(person: Model['people'][number], what: string, details: OffboardingCase): void {
    person.latest = details;
    const sequence = ++person.cases;
    this.publish(
      `case ${this.people.indexOf(person)}`,
      envelope(
        `com.stackflow.offboarding.case.${what}.v1`,
        this.tenant,
        person.id,
        sequence,
        { case: details },
        details.causationId,
      ),
    );
  }

  /** If the worker leaves access to an inactive person, the status stays; what it was depends on the order of arrival. */
  expected(
    person: Model['people'][number],
    before: string | undefined,
    pins: Pins,
  ): { status: string; roles: string[] } {
    const open = person.active || before === 'active' ? 'active' : 'inactive';
    const status = person.access === 'active' ? open : person.access;
    const groups = [...person.groups].flatMap((g) => withPins(this.group(g), pins));
    return { status, roles: status === 'active' ? deriveRoles(groups, this.settings) : [] };
  }

  private leave(person: Model['people'][number], group: number): void {
    if (person.deleted || !person.groups.delete(group)) return;
    this.groupEvent(this.group(group), 'members-changed', { joined: [], left: [person.id] });
  }

  private configure(change: object): void {
    this.settings = { ...this.settings, ...change };
    this.settingsVersion++;
    this.publish(
      'settings',
      envelope(
        'com.stackflow.integration.settings.changed.v1',
        this.tenant,
        this.tenant,
        this.settingsVersion,
        this.settings,
        `settings:${this.settingsVersion}`,
      ),
    );
  }

  private group(i: number): Model['groups'][number] {
    const group = this.groups[i];
    if (!group) throw new RangeError(String(i));
    return group;
  }

  private groupData(i: number) {
    const { id, displayName, version } = this.group(i);
    return { id, displayName, externalId: null, version };
  }

  private groupEvent(group: Model['groups'][number], what: string, more: object): void {
    group.version++;
    const data = { group: this.groupData(this.groups.indexOf(group)), ...more };
    this.publish(
      `group ${this.groups.indexOf(group)}`,
      envelope(`com.stackflow.directory.group.${what}.v1`, this.tenant, group.id, group.version, data),
    );
  }

  private personEvent(person: Model['people'][number], what: string, more: object): void {
    person.version++;
    const user = {
      id: person.id,
      userName: `${person.id}@x`,
      externalId: null,
      active: person.active,
      displayName: null,
      name: { givenName: null, familyName: null },
      email: null,
    };
    this.publish(
      `person ${this.people.indexOf(person)}`,
      envelope(`com.stackflow.directory.user.${what}.v2`, this.tenant, person.id, person.version, { user, ...more }),
    );
  }

  private publish(queue: string, event: EventEnvelope): void {
    this.queues.set(queue, [...(this.queues.get(queue) ?? []), event]);
  }
}
