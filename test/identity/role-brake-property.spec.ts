/**
 * With a brake that trips all the time, any history in any order ends in the roles that the groups give and those whose
 * loss is held. After all held losses are released, only the roles of the groups are left.
 */
import fc from 'fast-check';
import { confirmAll, readPins } from '../support/pins.js';
import { HandlerRig } from './handlers.js';
import { GROUPS, Model, PEOPLE, push, type Push } from './model.js';

const NAMES = [
  'settings',
  ...Array.from({ length: GROUPS }, (_, i) => `group ${i}`),
  ...Array.from({ length: PEOPLE }, (_, i) => [`person ${i}`, `access ${i}`]).flat(),
];

/** Puts everybody into every group; three of the groups give a role. */
const BEGINNING: readonly Push[] = [
  {
    do: 'settings',
    reverse: false,
    mappings: [
      { role: 'super_admin', group: 0 },
      { role: 'itsm_agent', group: 1 },
      { role: 'viewer', group: 2 },
    ],
  },
  ...Array.from({ length: PEOPLE * GROUPS }, (_, i): Push => ({
    do: 'join',
    person: i % PEOPLE,
    group: Math.floor(i / PEOPLE),
  })),
];
const leave = fc.record({
  do: fc.constant('leave' as const),
  person: fc.nat(PEOPLE - 1),
  group: fc.nat(2),
});

interface Row {
  id: string;
  status: string;
  roles: string[];
  assigned: string[];
  granted: string[];
  kept: string[] | null;
}

describe('roles under a brake', () => {
  let rig: HandlerRig;
  let holds = 0;
  beforeAll(async () => {
    rig = await HandlerRig.start();
  });
  afterAll(() => rig.close());
  const work = () => Promise.all([rig.reevaluator.round(), rig.loader.round()]);

  it('are those that groups give and those whose loss is held, until all losses are released', async () => {
    const step = fc.record({
      queues: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }),
      reevaluate: fc.boolean(),
      release: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(push, leave), { minLength: 8, maxLength: 24 }),
        fc.array(step, { minLength: 10, maxLength: 30 }),
        run,
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 40), interruptAfterTimeLimit: 15_000 },
    );
    expect(holds).toBeGreaterThan(0);
  }, 90_000);

  async function run(
    pushes: readonly Push[],
    steps: readonly { queues: readonly string[]; reevaluate: boolean; release: boolean }[],
  ): Promise<void> {
    const model = new Model({ percent: 0, atLeast: 1, windowMinutes: 10, holdHours: 24 });
    rig.directories.set(model.tenant, model.members);
    const deliver = async (name: string): Promise<void> => {
      const event = model.queues.get(name)?.shift();
      if (event) await rig.deliver(event);
    };
    BEGINNING.forEach((p) => model.apply(p));
    for (const name of NAMES) while (model.queues.get(name)?.length) await deliver(name);
    await rig.reevaluateAll();
    await rig.database.query(`update account set provisioned_at = now(), announced_status = status where tenant = $1`, [
      model.tenant,
    ]);
    pushes.forEach((p) => model.apply(p));
    for (const { queues, reevaluate, release } of steps)
      await Promise.all([
        ...queues.map(deliver),
        reevaluate && work(),
        release && rig.losses.release(model.tenant, null, 'grace'),
      ]);
    for (const name of NAMES) while (model.queues.get(name)?.length) await deliver(name);
    await rig.reevaluateAll();
    await confirmAll(rig.database);
    await rig.reevaluateAll();
    await expectRoles(model, true);
    await rig.losses.release(model.tenant, null, 'grace');
    await rig.reevaluateAll();
    await expectRoles(model, false);
  }

  async function expectRoles(model: Model, mayHold: boolean): Promise<void> {
    const rows = await rig.database.query<Row>(
      `select a.id, a.status, a.roles, a.assigned_roles as assigned, h.would_lose as kept,
              coalesce((select array_agg(g.role order by g.role) from role_grant g where g.account_id = a.id and g.revoked_at is null), '{}') as granted
         from account a left join held_role_loss h on h.account_id = a.id where a.tenant = $1`,
      [model.tenant],
    );
    const pins = await readPins(rig.database);
    for (const person of model.people) {
      const row = rows.find((r) => r.id === person.id);
      if (!row) throw new Error('no account');
      const { status, roles } = model.expected(person, row.status, pins);
      expect(row.status).toBe(status);
      if (!mayHold || status !== 'active') expect(row.kept).toBeNull();
      const kept = row.kept ?? [];
      holds += Math.sign(kept.length);
      expect(kept.filter((role) => roles.includes(role))).toEqual([]);
      expect(row.roles).toEqual(model.settings.roles.filter((role) => roles.includes(role) || kept.includes(role)));
      if (status === 'active') expect(row.assigned).toEqual(row.roles);
      expect(row.granted).toEqual([...row.roles].sort());
    }
  }
});
