/**
 * Any history of pushes and closings, delivered per key in order but otherwise in any interleaving, with any event
 * repeated, ends in the status and the roles that the pure functions derive from the last state of the directory and the
 * last event about access. So SQL and TypeScript derive the same.
 */
import fc from 'fast-check';
import type { EventEnvelope } from '#events';
import { confirmAll, readPins } from '../support/pins.js';
import { HandlerRig } from './handlers.js';
import { GROUPS, Model, PEOPLE, push } from './model.js';

describe('status and roles of accounts', () => {
  let rig: HandlerRig;
  beforeAll(async () => {
    rig = await HandlerRig.start();
  });
  afterAll(() => rig.close());
  const work = () => Promise.all([rig.reevaluator.round(), rig.loader.round()]);

  interface AccountRow {
    id: string;
    status: string;
    roles: string[];
    granted: string[];
  }
  const accounts = (tenant: string): Promise<AccountRow[]> =>
    rig.database.query(
      `select a.id, a.status, a.roles,
              coalesce((select array_agg(g.role order by g.role) from role_grant g where g.account_id = a.id and g.revoked_at is null), '{}') as granted
         from account a where a.tenant = $1`,
      [tenant],
    );

  it('follow from the last state of all topics, in whatever order and however often events arrive', async () => {
    const history = fc.array(push, { minLength: 1, maxLength: 18 });
    const names = [
      'settings',
      ...Array.from({ length: GROUPS }, (_, i) => `group ${i}`),
      ...Array.from({ length: PEOPLE }, (_, i) => [`person ${i}`, `access ${i}`, `case ${i}`]).flat(),
    ];
    const step = fc.record({
      queues: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }),
      repeat: fc.boolean(),
      reevaluate: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(history, fc.array(step, { minLength: 25, maxLength: 25 }), async (pushes, steps) => {
        const model = new Model();
        rig.directories.set(model.tenant, model.members);
        pushes.forEach((p) => model.apply(p));
        const delivered = new Map<string, EventEnvelope[]>();
        const deliver = async (name: string, repeat: boolean): Promise<void> => {
          const event = model.queues.get(name)?.shift();
          if (!event) return;
          await rig.deliver(event);
          const late = delivered.get(name) ?? [];
          delivered.set(name, [...late, event]);
          // A carrier may deliver any event again, also older ones.
          if (repeat) for (const again of [event, late.at(-1), late[0]]) if (again) await rig.deliver(again);
        };
        // Several keys and a re-evaluation run concurrently, as with many partitions and replicas.
        for (const { queues, repeat, reevaluate } of steps)
          await Promise.all([...queues.map((name) => deliver(name, repeat)), reevaluate && work()]);
        for (const [name, queue] of model.queues) while (queue.length > 0) await deliver(name, false);
        await rig.reevaluateAll();
        await confirmAll(rig.database);
        await rig.reevaluateAll();

        const pins = await readPins(rig.database);
        const rows = new Map((await accounts(model.tenant)).map((row) => [row.id, row]));
        for (const person of model.people) {
          const row = rows.get(person.id);
          expect({ status: row?.status, roles: row?.roles }).toEqual(model.expected(person, row?.status, pins));
          expect(row?.granted).toEqual([...(row?.roles ?? [])].sort());
        }
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 40), interruptAfterTimeLimit: 12_000 },
    );
  }, 90_000);
});
