/** `stackflow events` on a carrier. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import type { ConsumerState, EventBusState, OutboxState } from '#contracts';
import { eventKey } from '#events';
import { runStackflow, type Ran } from '../support/command-line.js';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, TOPIC, until, type Handle, type Running } from './bus-rig.js';
import type { CarrierUnderTest } from './carrier-contract.js';
import { TOKEN } from '../support/internal-api.js';

export function commandContract(create: () => Promise<CarrierUnderTest>): void {
  jest.setTimeout(TEST_LIMIT_MS);
  let carrier: CarrierUnderTest;
  let rig: BusRig;
  let env: Record<string, string>;
  const tenant = newTenant();
  const group = `g-${randomUUID()}`;
  const [bad, good, extra] = [randomUUID(), randomUUID(), randomUUID()];
  const key = eventKey(tenant, bad);
  const seen: [string, number][] = [];
  let broken = true;
  let consumer: Running;
  const handle: Handle = (event) => {
    if ((event.subject === bad || event.subject === extra) && event.sequence === 2 && broken)
      throw new Error('cannot map group');
    seen.push([event.subject, event.sequence]);
  };

  const events = (...args: string[]): Promise<Ran> => runStackflow(['events', ...args], env);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, out, err } = await events(...args, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return JSON.parse(out) as T;
  };
  const of = (subject: string) => seen.filter(([s]) => s === subject).map(([, n]) => n);

  beforeAll(async () => {
    carrier = await create();
    rig = await BusRig.create(carrier.env);
    env = {
      INTERNAL_API_CREDENTIAL: TOKEN,
      STACKFLOW_OPERATOR: 'anna',
      STACK_DIR: '/nonexistent',
      SCIM_GATEWAY_URL: (await rig.api('scim-gateway')).url,
      IDENTITY_SERVICE_URL: (await rig.api('identity-service')).url,
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
    readonly services: readonly {
      readonly service: string;
      readonly value?: EventBusState;
      readonly problem?: string;
    }[];
  }
  const states = async (): Promise<{ outbox: OutboxState | null; consumers: ConsumerState[] }> => {
    const { services } = await json<List>('list');
    const state = (name: string) => services.find(({ service }) => service === name)?.value;
    return {
      outbox: state('scim-gateway')?.outbox ?? null,
      consumers: state('identity-service')?.consumers ?? [],
    };
  };
  /** Everything is published and consumed; Kafka's committed offsets trail for a moment. */
  const caughtUp = () =>
    until(async () => {
      const { outbox, consumers } = await states();
      return outbox?.depth === 0 && consumers[0]?.lag === 0;
    }, 'the outbox is empty and the offsets are committed');

  it('lists outboxes, groups, lag and parked keys', async () => {
    await caughtUp();
    const { outbox, consumers } = await states();
    expect(outbox).toEqual({ depth: 0, oldestSeconds: 0 });
    expect(consumers).toContainEqual({
      group,
      topic: TOPIC,
      lag: 0,
      parkedKeys: 1,
      deadKeys: 1,
      parkedEvents: 3,
    });
    const { out } = await events('list');
    expect(out).toMatch(/^scim-gateway +0 +-$/m);
    expect(out).toContain('The events and consumer groups of auth-service are not known:');
    expect(out).toMatch(new RegExp(`${group}\\s+${TOPIC}\\s+0\\s+1\\s+1\\s+3`));
  });

  it('shows the events of a key, also by its subject alone, and how far each group is', async () => {
    const shown = await json<{ events: { event: { sequence: number } }[]; handled: object[] }>('show', good);
    expect(shown.events.map((e) => e.event.sequence)).toEqual([1, 2]);
    expect(shown.handled).toMatchObject([{ group, topic: TOPIC, key: eventKey(tenant, good), sequence: 2 }]);
    expect(await events('show', randomUUID())).toMatchObject({
      code: 1,
      err: expect.stringContaining('No event of') as string,
    });
  });

  it('shows parked keys with their errors', async () => {
    const parked = await json<{ summary: object[]; keys: object[] }>('parked');
    expect(parked.summary).toMatchObject([{ group, topic: TOPIC, keys: 1, deadKeys: 1, events: 3 }]);
    expect(parked.keys).toMatchObject([
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
    expect((await events('retry', group, bad)).out).toContain('the 2 events behind it');
    await until(
      async () => (await json<{ keys: { state: string }[] }>('parked')).keys[0]?.state === 'dead',
      'the event fails again while it is broken',
    );
    broken = false;
    await events('retry', group, key);
    await until(() => of(bad).length === 4, 'the key resumes');
    expect(of(bad)).toEqual([1, 2, 3, 4]);
    await until(async () => (await events('parked')).out.startsWith('Nothing is parked.'), 'nothing is parked');
  });

  it('skips the first parked event, keeps it with who skipped it, and continues with the others', async () => {
    broken = true;
    const other = randomUUID();
    await carrier.injectGarbage(rig, key);
    await rig.publish([groupEvent(tenant, bad, 5), groupEvent(tenant, other, 1)]);
    await until(() => of(other).length === 1, 'the other key handled');
    await until(
      async () => (await json<{ keys: { events: number }[] }>('parked')).keys[0]?.events === 2,
      'the record and its follower parked',
    );
    expect(await events('retry', group, key)).toMatchObject({
      code: 1,
      err: expect.stringContaining('a retry cannot succeed') as string,
    });
    expect(await json('skip', group, key, '--by', 'tester')).toMatchObject({ group, key });
    await until(() => of(bad).includes(5), 'the follower handled');
    const kept = await rig.admin.query<{ skipped_by: string; raw: Buffer }>(
      'select skipped_by, raw from identity.skipped_event',
    );
    expect(kept).toMatchObject([{ skipped_by: 'cli: tester' }]);
    expect(kept[0]?.raw.toString()).toContain('garbage');
    await until(async () => (await events('parked')).out.startsWith('Nothing is parked.'), 'the follower committed');
  });

  it('replays what a group has consumed, in order, while it runs; later events wait behind', async () => {
    broken = false;
    seen.length = 0;
    await caughtUp();
    expect(await json('replay', '--group', group, '--topic', TOPIC, '--key', key)).toMatchObject({ queued: 5 });
    await rig.publish([groupEvent(tenant, bad, 6), groupEvent(tenant, good, 3)]);
    await until(() => of(bad).length >= 6 && of(good).length >= 1, 'replayed, and the new ones handled');
    expect(of(bad)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(of(good)).toEqual([3]);
    seen.length = 0;
    expect(
      await json('replay', '--group', group, '--topic', TOPIC, '--from', new Date(Date.now() + 60_000).toISOString()),
    ).toMatchObject({ queued: 0 });
    await until(async () => (await events('parked')).out.startsWith('Nothing is parked.'), 'nothing waits');
    await caughtUp();
    const all = await json<{ queued: number }>('replay', '--group', group, '--topic', TOPIC);
    expect(all.queued).toBe(10);
    await until(() => seen.length >= 10, 'everything replayed');
    expect(of(bad)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(of(good)).toEqual([1, 2, 3]);
  });

  it('retries every key with one error', async () => {
    broken = true;
    await rig.publish([groupEvent(tenant, extra, 1), groupEvent(tenant, extra, 2)]);
    await until(
      async () => (await json<{ keys: { state: string }[] }>('parked')).keys[0]?.state === 'dead',
      'one more key is dead',
    );
    broken = false;
    const { out } = await events('retry', group, '--error', 'cannot map group');
    expect(out).toContain('the first events of 1 keys');
    await until(() => of(extra).length === 2, 'the key resumes');
    await until(async () => (await events('parked')).out.startsWith('Nothing is parked.'), 'nothing is parked');
  });

  it('does not replay events that the group has not consumed yet; they are delivered once', async () => {
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
    await until(async () => (await events('parked')).out.startsWith('Nothing is parked.'), 'nothing waits');
    expect(of(good)).toEqual([1, 2, 3, 4]);
  });

  it('explains its commands and its refusals', async () => {
    expect(await events('--help')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/list[\s\S]*show[\s\S]*parked[\s\S]*retry[\s\S]*skip[\s\S]*replay/) as string,
    });
    expect(await events('replay', '--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('--from <time>') as string,
    });
    expect(await events('explode')).toMatchObject({
      code: 64,
      err: expect.stringContaining('unknown command') as string,
    });
    expect(await events('replay', '--group', group, '--topic', 'nonsense')).toMatchObject({
      code: 1,
      err: expect.stringContaining('directory.users') as string,
    });
    expect(await events('replay', '--group', group, '--topic', TOPIC, '--from', 'soon')).toMatchObject({
      code: 64,
      err: expect.stringContaining('instant') as string,
    });
    expect(await events('retry', 'nobody', key)).toMatchObject({
      code: 1,
      err: expect.stringContaining(group) as string,
    });
    expect(await events('skip', group, key)).toMatchObject({
      code: 1,
      err: expect.stringContaining('No event of') as string,
    });
    expect(await events('retry', group)).toMatchObject({
      code: 64,
      err: expect.stringContaining('--all') as string,
    });
    const unreachable = { SCIM_GATEWAY_URL: 'http://127.0.0.1:1', IDENTITY_SERVICE_URL: 'http://127.0.0.1:1' };
    expect(await runStackflow(['events', 'list'], { ...env, ...unreachable })).toMatchObject({
      code: 69,
      err: expect.stringContaining('identity-service does not answer') as string,
    });
  });
}
