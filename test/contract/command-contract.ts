/** `npm run events` on a carrier: what an operator sees and can do. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { eventKey } from '#events';
import { runEvents, type EventsTarget } from '#event-bus';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, TOPIC, until, type Handle, type Running } from './bus-rig.js';
import type { CarrierUnderTest } from './carrier-contract.js';

export function commandContract(create: () => Promise<CarrierUnderTest>): void {
  jest.setTimeout(TEST_LIMIT_MS);
  let carrier: CarrierUnderTest;
  let rig: BusRig;
  let target: EventsTarget;
  const tenant = newTenant();
  const group = `g-${randomUUID()}`;
  const [bad, good] = [randomUUID(), randomUUID()];
  const key = eventKey(tenant, bad);
  const seen: [string, number][] = [];
  let broken = true;
  let consumer: Running;
  const handle: Handle = (event) => {
    if (event.subject === bad && event.sequence === 2 && broken) throw new Error('cannot map group');
    seen.push([event.subject, event.sequence]);
  };

  const events = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
    let out = '';
    let err = '';
    const code = await runEvents(args, {
      target: () => target,
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      operator: 'tester',
    });
    return { code, out, err };
  };
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, out, err } = await events(...args, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return JSON.parse(out) as T;
  };
  const of = (subject: string) => seen.filter(([s]) => s === subject).map(([, n]) => n);

  beforeAll(async () => {
    carrier = await create();
    rig = await BusRig.create(carrier.env);
    const { EVENT_CARRIER, KAFKA_BROKERS, KAFKA_TOPIC_PREFIX } = rig.config();
    target = {
      postgres: rig.testDatabase.adminUrl,
      carrier: EVENT_CARRIER,
      brokers: KAFKA_BROKERS,
      ...(KAFKA_TOPIC_PREFIX !== undefined && { topicPrefix: KAFKA_TOPIC_PREFIX }),
    };
    consumer = await rig.consume(group, handle, { env: { EVENT_MAX_ATTEMPTS: '3' } });
    await rig.sequencer();
    await rig.publish([1, 2, 3, 4].map((n) => groupEvent(tenant, bad, n)));
    await rig.publish([1, 2].map((n) => groupEvent(tenant, good, n)));
    await until(
      async () => (await rig.admin.query('select 1 from identity.parked_event')).length === 3,
      'three events parked',
    );
    await until(() => of(good).length === 2, 'the other key handled');
  }, TEST_LIMIT_MS);
  afterAll(async () => {
    await rig.close();
    await carrier.dispose?.();
  }, 60_000);

  interface List {
    readonly outboxes: readonly { readonly waiting: number }[];
    readonly consumers: readonly { readonly lag: number }[];
  }
  /** Everything is published, and the group's offsets are where it is: Kafka's trail it for a moment. */
  const settled = () =>
    until(async () => {
      const { outboxes, consumers } = await json<List>('list');
      return outboxes[0]?.waiting === 0 && consumers[0]?.lag === 0;
    }, 'the outbox is emptied and the offsets are moved');

  it('lists outboxes, groups, lag and parked keys', async () => {
    await settled();
    const list = await json<List>('list');
    expect(list.outboxes).toContainEqual({ schema: 'directory', waiting: 0, oldestSeconds: 0 });
    expect(list.consumers).toContainEqual({
      group,
      schema: 'identity',
      topic: TOPIC,
      lag: 0,
      parkedKeys: 1,
      deadKeys: 1,
      parkedEvents: 3,
    });
    expect((await events('list')).out).toMatch(new RegExp(`${group}\\s+${TOPIC}\\s+0\\s+1\\s+1\\s+3`));
  });

  it('shows the events of a key, by its subject alone, and how far each group is', async () => {
    const shown = await json<{ events: { event: { sequence: number } }[]; consumers: object[] }>('show', good);
    expect(shown.events.map((e) => e.event.sequence)).toEqual([1, 2]);
    expect(shown.consumers).toMatchObject([{ group, topic: TOPIC, key: eventKey(tenant, good), sequence: 2 }]);
    expect(await events('show', randomUUID())).toMatchObject({
      code: 1,
      err: expect.stringContaining('No event of') as string,
    });
  });

  it('shows what is parked, and why', async () => {
    expect(await json('parked')).toMatchObject([
      {
        group,
        topic: TOPIC,
        key,
        sequence: 2,
        state: 'dead',
        attempts: 3,
        error: 'Error: cannot map group',
        events: 3,
      },
    ]);
    expect((await events('parked')).out).toContain('waits for you: "retry" or "skip"');
  });

  it('retries a dead key in order once its cause is gone', async () => {
    expect(of(bad)).toEqual([1]);
    expect((await events('retry', group, bad)).out).toContain('the 2 behind it');
    await until(
      async () => (await json<{ state: string }[]>('parked'))[0]?.state === 'dead',
      'it fails again as long as it is broken',
    );
    broken = false;
    await events('retry', group, key);
    await until(() => of(bad).length === 4, 'the key resumes');
    expect(of(bad)).toEqual([1, 2, 3, 4]);
    await until(async () => (await events('parked')).out === 'Nothing is parked.\n', 'nothing is parked');
  });

  it('skips the first parked event, keeps it on record, and lets the others go on', async () => {
    broken = true;
    const other = randomUUID();
    await carrier.injectGarbage(rig, key);
    await rig.publish([groupEvent(tenant, bad, 5), groupEvent(tenant, other, 1)]);
    await until(() => of(other).length === 1, 'the other key handled');
    await until(
      async () => (await json<{ events: number }[]>('parked'))[0]?.events === 2,
      'the record and its follower parked',
    );
    expect(await events('retry', group, key)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no retry can help') as string,
    });
    expect(await json('skip', group, key)).toMatchObject({ group, key });
    await until(() => of(bad).includes(5), 'the follower handled');
    const kept = await rig.admin.query<{ skipped_by: string; raw: Buffer }>(
      'select skipped_by, raw from identity.skipped_event',
    );
    expect(kept).toMatchObject([{ skipped_by: 'tester' }]);
    expect(kept[0]?.raw.toString()).toContain('garbage');
    await until(async () => (await events('parked')).out === 'Nothing is parked.\n', 'the follower committed');
  });

  it('replays what a group has consumed, in order, while it runs; later events wait behind', async () => {
    broken = false;
    seen.length = 0;
    await settled();
    expect(await json('replay', '--group', group, '--topic', TOPIC, '--key', key)).toMatchObject({ queued: 5 });
    await rig.publish([groupEvent(tenant, bad, 6), groupEvent(tenant, good, 3)]);
    await until(() => of(bad).length >= 6 && of(good).length >= 1, 'replayed, and the new ones handled');
    expect(of(bad)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(of(good)).toEqual([3]);
    seen.length = 0;
    expect(
      await json('replay', '--group', group, '--topic', TOPIC, '--from', new Date(Date.now() + 60_000).toISOString()),
    ).toMatchObject({ queued: 0 });
    await until(async () => (await events('parked')).out === 'Nothing is parked.\n', 'nothing waits');
    await settled();
    const all = await json<{ queued: number }>('replay', '--group', group, '--topic', TOPIC);
    expect(all.queued).toBe(10);
    await until(() => seen.length >= 10, 'everything replayed');
    expect(of(bad)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(of(good)).toEqual([1, 2, 3]);
  });

  it('does not replay what the group has not consumed yet: that comes by itself, once', async () => {
    await consumer.close();
    seen.length = 0;
    await rig.publish([groupEvent(tenant, good, 4)]);
    await until(async () => (await rig.admin.query('select 1 from directory.outbox')).length === 0, 'published');
    const count = await json<{ events: unknown[] }>('show', good);
    expect(count.events).toHaveLength(4);
    expect(await json('replay', '--group', group, '--topic', TOPIC, '--key', eventKey(tenant, good))).toMatchObject({
      queued: 3,
    });
    await rig.consume(group, handle);
    await until(() => of(good).length >= 4, 'replayed, and then the new one');
    await until(async () => (await events('parked')).out === 'Nothing is parked.\n', 'nothing waits');
    expect(of(good)).toEqual([1, 2, 3, 4]);
  });

  it('explains itself and its refusals', async () => {
    expect(await events('--help')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/list[\s\S]*show[\s\S]*parked[\s\S]*retry[\s\S]*skip[\s\S]*replay/) as string,
    });
    expect(await events('replay', '--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('--from <time>') as string,
    });
    expect(await events('explode')).toMatchObject({
      code: 2,
      err: expect.stringContaining('unknown command') as string,
    });
    expect(await events('replay', '--group', group, '--topic', 'nonsense')).toMatchObject({
      code: 2,
      err: expect.stringContaining('directory.users') as string,
    });
    expect(await events('replay', '--group', group, '--topic', TOPIC, '--from', 'soon')).toMatchObject({
      code: 2,
      err: expect.stringContaining('instant') as string,
    });
    expect(await events('retry', 'nobody', key)).toMatchObject({
      code: 1,
      err: expect.stringContaining(group) as string,
    });
    expect(await events('skip', group, key)).toMatchObject({
      code: 1,
      err: expect.stringContaining('Nothing of') as string,
    });
    const reachable = target;
    target = { ...target, postgres: 'postgres://postgres:x@127.0.0.1:1/none' };
    expect(await events('list')).toMatchObject({
      code: 69,
      err: expect.stringContaining('Postgres does not answer') as string,
    });
    target = reachable;
  });
}
