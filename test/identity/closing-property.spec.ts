/**
 * The worker closes, opens and removes one account while the directory changes too: four keys on four topics, in any
 * interleaving, concurrently, with repetitions. The events about the account have no gap, announce each closing once
 * and with its own case, and end with the true state.
 */
import fc from 'fast-check';
import type { EventEnvelope } from '#events';
import { confirmAll, readPins } from '../support/pins.js';
import { HandlerRig } from './handlers.js';
import { Model, type Push } from './model.js';

const QUEUES = ['person 0', 'group 0', 'access 0', 'case 0'] as const;
const verb = (name: 'close' | 'complete' | 'open' | 'delete person') => fc.constant<Push>({ do: name, person: 0 });
const push: fc.Arbitrary<Push> = fc.oneof(
  { weight: 4, arbitrary: verb('close') },
  { weight: 4, arbitrary: verb('complete') },
  { weight: 4, arbitrary: verb('open') },
  { weight: 1, arbitrary: verb('delete person') },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('join' as const), person: fc.constant(0), group: fc.constant(0) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('leave' as const), person: fc.constant(0), group: fc.constant(0) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('active' as const), person: fc.constant(0), active: fc.boolean() }),
  },
);

describe('the events about an account that is closed and opened again', () => {
  let rig: HandlerRig;
  beforeAll(async () => {
    rig = await HandlerRig.start();
  });
  afterAll(() => rig.close());
  const work = () => Promise.all([rig.reevaluator.round(), rig.loader.round()]);

  it('are gapless, announce each closing once, and end with the true state', async () => {
    const step = fc.record({
      queues: fc.uniqueArray(fc.constantFrom(...QUEUES), { minLength: 1, maxLength: 3 }),
      repeat: fc.boolean(),
      reevaluate: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(push, { maxLength: 14 }),
        // One topic runs far ahead of the others, as when a consumer catches up.
        fc.record({ queue: fc.constantFrom(...QUEUES), events: fc.nat(8) }),
        fc.array(step, { minLength: 25, maxLength: 25 }),
        run,
      ),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 80), interruptAfterTimeLimit: 15_000 },
    );
  }, 90_000);

  async function run(
    pushes: readonly Push[],
    ahead: { queue: string; events: number },
    steps: readonly { queues: readonly string[]; repeat: boolean; reevaluate: boolean }[],
  ): Promise<void> {
    const model = new Model();
    rig.directories.set(model.tenant, model.members);
    const delivered = new Map<string, EventEnvelope[]>();
    const deliver = async (name: string, repeat: boolean): Promise<void> => {
      const event = model.queues.get(name)?.shift();
      if (!event) return;
      await rig.deliver(event);
      const before = delivered.get(name) ?? [];
      delivered.set(name, [...before, event]);
      if (repeat) for (const again of [before.at(-1), before[0], event]) if (again) await rig.deliver(again);
    };
    for (const first of ['settings', 'group 0', 'person 0']) await deliver(first, false);
    await rig.reevaluateAll();
    // As the reconciler does after Cognito has created the user.
    await rig.database.query(`update account set provisioned_at = now(), announced_status = status where tenant = $1`, [
      model.tenant,
    ]);
    pushes.forEach((p) => model.apply(p));
    for (let i = 0; i < ahead.events; i++) await deliver(ahead.queue, false);
    for (const { queues, repeat, reevaluate } of steps)
      await Promise.all([...queues.map((name) => deliver(name, repeat)), reevaluate && work()]);
    for (const name of QUEUES) while (model.queues.get(name)?.length) await deliver(name, false);
    await rig.reevaluateAll();
    await confirmAll(rig.database);
    await rig.reevaluateAll();
    await expectEvents(model);
  }

  async function expectEvents(model: Model): Promise<void> {
    const [person] = model.people;
    const [row] = await rig.database.query<{
      status: string;
      roles: string[];
      version: string;
      announced_status: string;
    }>('select status, roles, version, announced_status from account where id = $1', [person?.id]);
    const events = await rig.database.query<{ sequence: string; type: string; status: string; case: string | null }>(
      `select sequence, type, data -> 'account' ->> 'status' as status, data -> 'offboarding' ->> 'id' as case
         from outbox where topic = 'identity.accounts' and subject = $1 order by id`,
      [person?.id],
    );
    if (!person || !row) throw new Error('no account');
    expect({ status: row.status, roles: row.roles }).toEqual(
      model.expected(person, row.status, await readPins(rig.database)),
    );
    expect(events.map((e) => Number(e.sequence))).toEqual(events.map((_, i) => i + 1));
    expect(Number(row.version)).toBe(events.length);
    const closings = events.flatMap((e) => e.case ?? []);
    expect(new Set(closings).size).toBe(closings.length);
    const last = events.findLast((e) => !e.type.includes('roles-changed'));
    expect(last?.status ?? 'active').toBe(row.announced_status);
    // A case that is not complete is not announced yet.
    if (person.latest?.state === 'running') return;
    expect(row.announced_status).toBe(row.status);
    if (person.access === 'inactive') expect(last?.case).toBe(person.latest?.id);
    // Only the worker gives lost access back.
    const back = events.filter((e, i) => e.status === 'active' && (events[i - 1]?.status ?? 'active') !== 'active');
    expect(back.length).toBeLessThanOrEqual(person.accessVersion);
  }
});
