/**
 * Any history of pushes, delivered per key in order but otherwise in any interleaving, with any event repeated, ends in
 * the roles that the pure function derives from the final state: SQL and TypeScript say the same.
 */
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { EventEnvelope, RoleMapping } from '#events';
import { defaultSettings } from '#settings';
import { deriveRoles } from '../../apps/identity-service/src/roles/derive-roles.js';
import { envelope, HandlerRig } from './handlers.js';

const PEOPLE = 4;
const GROUPS = 4;
const NAMES = ['StackFlow-Admins', 'STACKFLOW-admins', 'Agents', 'ågents', 'Other'];
const ROLES = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

const index = (n: number) => fc.integer({ min: 0, max: n - 1 });
const mapping = fc.oneof(
  fc.record({ role: fc.constantFrom(...ROLES), name: fc.constantFrom(...NAMES) }),
  fc.record({ role: fc.constantFrom(...ROLES), group: index(GROUPS) }),
);
const push = fc.oneof(
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
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('settings' as const),
      mappings: fc.array(mapping, { maxLength: 4 }),
      offboard: fc.boolean(),
      reverse: fc.boolean(),
    }),
  },
);
type Push = typeof push extends fc.Arbitrary<infer T> ? T : never;

/** A small directory that turns pushes into events, one queue per key that the bus would order. */
class Model {
  readonly tenant = randomUUID();
  readonly people = Array.from({ length: PEOPLE }, () => ({
    id: randomUUID(),
    version: 0,
    active: true,
    deleted: false,
    groups: new Set<number>(),
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

  constructor() {
    this.configure({});
    for (const group of this.groups) this.groupEvent(group, 'created', {});
    for (const person of this.people) this.personEvent(person, 'created', {});
  }

  apply(p: Push): void {
    if (p.do === 'settings') {
      const roleMappings: RoleMapping[] = p.mappings.map((m) => ({
        role: m.role,
        group: 'name' in m ? { name: m.name } : { id: this.group(m.group).id },
      }));
      return this.configure({
        roleMappings,
        deactivateOnOffboard: p.offboard,
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
      this.groupEvent(group, 'deleted', {});
      return this.people.forEach((person) => this.leave(person, p.group));
    }
    const person = this.people[p.person];
    if (!person || person.deleted) return;
    if (p.do === 'join' && !this.group(p.group).deleted && !person.groups.has(p.group)) {
      person.groups.add(p.group);
      this.personEvent(person, 'joined-group', { group: this.groupData(p.group) });
    } else if (p.do === 'leave') this.leave(person, p.group);
    else if (p.do === 'active' && person.active !== p.active) {
      person.active = p.active;
      this.personEvent(person, p.active ? 'reactivated' : 'deactivated', {});
    } else if (p.do === 'delete person') {
      person.deleted = true;
      this.personEvent(person, 'deleted', {});
    }
  }

  /** Who is inactive while offboarding is off keeps the status that the order of arrival has led to. */
  expected(person: Model['people'][number], before: string | undefined): { status: string; roles: string[] } {
    const stays = !this.settings.deactivateOnOffboard && before === 'active';
    const status = person.deleted ? 'removed' : person.active || stays ? 'active' : 'inactive';
    const groups = [...person.groups].map((g) => this.group(g));
    return { status, roles: status === 'active' ? deriveRoles(groups, this.settings) : [] };
  }

  private leave(person: Model['people'][number], group: number): void {
    if (person.deleted || !person.groups.delete(group)) return;
    this.personEvent(person, 'left-group', { group: this.groupData(group) });
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
    const groups = [...person.groups].map((g) => this.group(g).id).sort();
    const user = {
      id: person.id,
      userName: `${person.id}@x`,
      externalId: null,
      active: person.active,
      displayName: null,
      name: { givenName: null, familyName: null },
      email: null,
      groups,
    };
    this.publish(
      `person ${this.people.indexOf(person)}`,
      envelope(`com.stackflow.directory.user.${what}.v1`, this.tenant, person.id, person.version, { user, ...more }),
    );
  }

  private publish(queue: string, event: EventEnvelope): void {
    this.queues.set(queue, [...(this.queues.get(queue) ?? []), event]);
  }
}

describe('roles follow from groups and mappings', () => {
  let rig: HandlerRig;
  beforeAll(async () => {
    rig = await HandlerRig.start();
  });
  afterAll(() => rig.close());

  const accounts = (
    tenant: string,
  ): Promise<
    { id: string; status: string; roles: string[]; granted: string[]; version: string; access_version: string }[]
  > =>
    rig.database.query(
      `select a.id, a.status, a.roles, a.version, a.access_version,
              coalesce((select array_agg(g.role order by g.role) from role_grant g where g.account_id = a.id and g.revoked_at is null), '{}') as granted
         from account a where a.tenant = $1`,
      [tenant],
    );

  it('whatever the order in which topics arrive, and however often', async () => {
    const history = fc.array(push, { minLength: 1, maxLength: 18 });
    const names = [
      'settings',
      ...Array.from({ length: GROUPS }, (_, i) => `group ${i}`),
      ...Array.from({ length: PEOPLE }, (_, i) => `person ${i}`),
    ];
    const step = fc.record({
      queues: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }),
      repeat: fc.boolean(),
      reevaluate: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(history, fc.array(step, { minLength: 25, maxLength: 25 }), async (pushes, steps) => {
        const model = new Model();
        pushes.forEach((p) => model.apply(p));
        const delivered = new Map<string, EventEnvelope[]>();
        const deliver = async (name: string, repeat: boolean): Promise<void> => {
          const event = model.queues.get(name)?.shift();
          if (!event) return;
          await rig.deliver(event);
          const late = delivered.get(name) ?? [];
          delivered.set(name, [...late, event]);
          // A carrier may bring anything again, also what newer events have overtaken.
          if (repeat) for (const again of [event, late.at(-1), late[0]]) if (again) await rig.deliver(again);
        };
        // Several keys at once and a re-evaluation beside them, as with many partitions and replicas.
        for (const { queues, repeat, reevaluate } of steps)
          await Promise.all([...queues.map((name) => deliver(name, repeat)), reevaluate && rig.reevaluator.round()]);
        for (const [name, queue] of model.queues) while (queue.length > 0) await deliver(name, false);
        await rig.reevaluateAll();

        const rows = new Map((await accounts(model.tenant)).map((row) => [row.id, row]));
        for (const person of model.people) {
          const row = rows.get(person.id);
          expect({ status: row?.status, roles: row?.roles }).toEqual(model.expected(person, row?.status));
          expect(row?.granted).toEqual([...(row?.roles ?? [])].sort());
        }
        await expectGapless(model.tenant, rows);
        await expectNobodyRevived(model.tenant, delivered);
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 40), interruptAfterTimeLimit: 12_000 },
    );
  });

  /** Accounts are not in Cognito here, so only the access topic speaks: its sequences have no gap and end at the row's. */
  async function expectGapless(tenant: string, rows: Map<string, { access_version: string }>): Promise<void> {
    const events = await rig.database.query<{ subject: string; sequences: string[]; roles: string[] }>(
      `select subject, array_agg(sequence order by id) as sequences from outbox where topic = 'identity.access' and tenant = $1 group by subject`,
      [tenant],
    );
    for (const { subject, sequences } of events) {
      expect(sequences.map(Number)).toEqual(sequences.map((_, i) => i + 1));
      expect(sequences.length).toBe(Number(rows.get(subject)?.access_version));
    }
  }

  /** Access that was lost comes back only by the directory: no change of settings gives it to an ex-employee. */
  async function expectNobodyRevived(tenant: string, delivered: Map<string, EventEnvelope[]>): Promise<void> {
    const revived = await rig.database.query<{ subject: string; times: number }>(
      `select subject, count(*)::int as times
         from (select subject, data ->> 'status' as now, lag(data ->> 'status') over (partition by subject order by sequence) as before
                 from outbox where topic = 'identity.access' and tenant = $1) a
        where before = 'inactive' and now = 'active' group by subject`,
      [tenant],
    );
    const reactivations = new Set([...delivered.values()].flat().filter((e) => e.type.includes('user.reactivated')));
    for (const { subject, times } of revived)
      expect(times).toBeLessThanOrEqual([...reactivations].filter((e) => e.subject === subject).length);
  }
});
