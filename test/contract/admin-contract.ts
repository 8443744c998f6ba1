/** The internal API of the bus on a carrier: what an administrator sees and can do. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { ApiProblem, type EventBusClient } from '#contracts';
import { eventKey } from '#events';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, TOPIC, until, type Handle } from './bus-rig.js';
import type { CarrierUnderTest } from './carrier-contract.js';

const by = 'tester';
const problem = (code: string, more: object = {}): unknown => expect.objectContaining({ code, ...more });

export function adminContract(create: () => Promise<CarrierUnderTest>): void {
  jest.setTimeout(TEST_LIMIT_MS);
  let carrier: CarrierUnderTest;
  let rig: BusRig;
  let events: EventBusClient;
  const tenant = newTenant();
  const group = `g-${randomUUID()}`;
  const [bad, good] = [randomUUID(), randomUUID()];
  const key = eventKey(tenant, bad);
  const handle: Handle = ({ subject, sequence }) => {
    if (subject === bad && sequence === 2) throw new Error(`cannot map group ${subject}`);
  };
  /** Everything is published and consumed; Kafka's committed offsets trail for a moment. */
  const caughtUp = () =>
    until(
      async () =>
        (await rig.admin.query('select 1 from directory.outbox')).length === 0 &&
        (await events.state()).consumers[0]?.lag === 0,
      'the outbox is empty and the offsets are committed',
    );

  beforeAll(async () => {
    carrier = await create();
    rig = await BusRig.create(carrier.env);
    ({ events } = await rig.api('identity-service'));
    await rig.consume(group, handle, { env: { EVENT_MAX_ATTEMPTS: '3' } });
    await rig.sequencer();
    await rig.publish([1, 2, 3, 4].map((n) => groupEvent(tenant, bad, n)));
    await rig.publish([1, 2].map((n) => groupEvent(tenant, good, n)));
    await until(
      async () => (await rig.admin.query('select 1 from identity.parked_event')).length === 3,
      'three events parked',
    );
  }, TEST_LIMIT_MS);
  afterAll(async () => {
    await rig.close();
    await carrier.dispose?.();
  }, 60_000);

  it('shows the outbox of a publisher, and the groups of a consumer with lag and parked keys', async () => {
    await caughtUp();
    const carrierName = rig.config().EVENT_CARRIER;
    expect(await (await rig.api('scim-gateway')).events.state()).toEqual({
      carrier: carrierName,
      outbox: { depth: 0, oldestSeconds: 0 },
      consumers: [],
    });
    expect(await events.state()).toEqual({
      carrier: carrierName,
      outbox: { depth: 0, oldestSeconds: 0 },
      consumers: [{ group, topic: TOPIC, lag: 0, parkedKeys: 1, deadKeys: 1, parkedEvents: 3 }],
    });
  });

  it('shows the events of a key, also by its subject alone, and how far each group is', async () => {
    for (const wanted of [good, eventKey(tenant, good)]) {
      const { events: published, omitted, handled } = await events.key(wanted);
      expect(published.map((e) => e.event?.sequence)).toEqual([1, 2]);
      expect(omitted).toBe(0);
      expect(handled).toMatchObject([{ group, topic: TOPIC, key: eventKey(tenant, good), sequence: 2 }]);
    }
    expect(await events.key(good, { topic: TOPIC, limit: 1 })).toMatchObject({
      events: [{ event: { sequence: 2 } }],
      omitted: 1,
    });
    expect(await events.key(randomUUID())).toEqual({ events: [], omitted: 0, handled: [] });
  });

  it('shows parked keys with their error, and a summary by error in which ids are masked', async () => {
    const { keys, next, summary } = await events.parked();
    expect(keys).toMatchObject([
      { group, topic: TOPIC, key, sequence: 2, state: 'dead', attempts: 3, events: 3, nextAttempt: null },
    ]);
    expect(keys[0]?.error).toBe(`Error: cannot map group ${bad}`);
    expect(next).toBeNull();
    expect(summary).toMatchObject([
      { group, topic: TOPIC, error: 'Error: cannot map group <id>', keys: 1, deadKeys: 1, events: 3 },
    ]);
    for (const filter of [{ group }, { topic: TOPIC }, { tenant }, { error: 'map group <id>' }, { error: bad }])
      expect((await events.parked(filter)).keys).toHaveLength(1);
    for (const filter of [{ group: 'other' }, { tenant: randomUUID() }, { error: 'another' }])
      expect(await events.parked(filter)).toEqual({ keys: [], next: null, summary: [] });
  });

  it('pages through parked keys and retries all of a group at once', async () => {
    const subjects: string[] = Array.from({ length: 5 }, () => randomUUID());
    let failing = true;
    const other = `g-${randomUUID()}`;
    const failed = { group: other, error: 'does not answer' };
    const running = await rig.consume(
      other,
      ({ subject }) => {
        if (failing && subjects.includes(subject)) throw new Error('the neighbour does not answer');
      },
      { env: { EVENT_MAX_ATTEMPTS: '1' } },
    );
    await rig.publish(subjects.map((subject) => groupEvent(tenant, subject, 1)));
    await until(async () => (await events.parked(failed)).keys.length === 5, 'five keys parked');
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const { keys, next, summary } = await events.parked({ ...failed, limit: 2, ...(cursor && { cursor }) });
      expect(summary).toMatchObject([{ error: 'Error: the neighbour does not answer', keys: 5, deadKeys: 5 }]);
      pages.push(keys.map((k) => k.key));
      cursor = next ?? undefined;
    } while (cursor);
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(new Set(pages.flat()).size).toBe(5);
    failing = false;
    expect(await events.retry({ ...failed, topic: TOPIC, by })).toEqual({ keys: 5, unreadable: 0, key: null });
    await until(async () => (await events.parked(failed)).keys.length === 0, 'all handled');
    await running.close();
  });

  it('refuses what it cannot do with a code and parameters', async () => {
    await expect(events.retry({ group: 'nobody', key, by })).rejects.toEqual(
      problem('group_unknown', {
        status: 404,
        parameters: { group: 'nobody', groups: expect.arrayContaining([group]) as string[] },
      }),
    );
    await expect(events.skip({ group, key: good, by })).rejects.toEqual(
      problem('key_not_parked', { status: 404, parameters: { group, key: good } }),
    );
    await expect(events.replay({ group, topic: 'nonsense', by })).rejects.toEqual(
      problem('invalid_request', { message: expect.stringContaining('directory.users') as string }),
    );
    await expect(events.replay({ group, topic: TOPIC, from: 'soon', by })).rejects.toEqual(problem('invalid_request'));
    await expect(events.parked({ cursor: 'nonsense' })).rejects.toEqual(problem('invalid_request'));
    await expect(events.retry({ group, key } as never)).rejects.toBeInstanceOf(ApiProblem);
  });
}
