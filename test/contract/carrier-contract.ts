/** The guarantees that every carrier gives to publishers and subscribers. Each carrier has a spec file that runs this. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { eventKey, type EventEnvelope } from '#events';
import { PoisonEvent, type EventContext } from '#event-bus';
import type { EventRow } from '../../libs/event-bus/src/record.js';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, TOPIC, TYPE, until, type Handle } from './bus-rig.js';

export interface CarrierUnderTest {
  /** Environment of a service on this carrier. */
  readonly env: NodeJS.ProcessEnv;
  /** Makes the carrier unavailable to publishers; the returned function ends that. */
  interrupt(rig: BusRig): Promise<{ env: NodeJS.ProcessEnv; restore(): Promise<void> }>;
  /** Puts a record with this key on the topic that cannot be read as an event. */
  injectGarbage(rig: BusRig, key: string): Promise<void>;
  /** Puts an event on the topic of the suite without any check, as a service that has fallen might. */
  inject(rig: BusRig, event: EventRow): Promise<void>;
  dispose?(): Promise<void>;
}

interface Seen {
  readonly key: string;
  readonly sequence: number;
  readonly at: number;
}

/** A handler that records the events of one tenant. */
function recorder(tenant: string, handle: Handle = () => undefined): { seen: Seen[]; handle: Handle } {
  const seen: Seen[] = [];
  return {
    seen,
    async handle(event, context) {
      if (event.tenant !== tenant) return;
      await handle(event, context);
      seen.push({ key: event.key, sequence: event.sequence, at: Date.now() });
    },
  };
}

const sequences = (seen: readonly Seen[], key: string): number[] =>
  seen.filter((s) => s.key === key).map((s) => s.sequence);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

const writeEffect = (event: EventEnvelope, { tx }: EventContext, worker = ''): Promise<unknown> =>
  tx.query('insert into effect (key, sequence, event_id, worker) values ($1, $2, $3, $4)', [
    event.key,
    event.sequence,
    event.id,
    worker,
  ]);

export function carrierContract(create: () => Promise<CarrierUnderTest>): void {
  jest.setTimeout(TEST_LIMIT_MS);
  let carrier: CarrierUnderTest;
  let rig: BusRig;
  let tenant: string;
  let group: string;

  beforeAll(async () => {
    carrier = await create();
    rig = await BusRig.create(carrier.env);
  }, 60_000);
  afterAll(async () => {
    await rig.close();
    await carrier.dispose?.();
  }, 60_000);
  beforeEach(() => {
    tenant = newTenant();
    group = `g-${randomUUID()}`;
  });
  afterEach(() => rig.rest(), 30_000);

  const effects = async (): Promise<number[]> => {
    const rows = await rig.admin.query<{ sequence: string }>(
      'select sequence from identity.effect where key like $1 order by id',
      [`${tenant}:%`],
    );
    return rows.map((r) => Number(r.sequence));
  };
  const parked = (key: string) =>
    rig.admin.query<{ sequence: string; state: string; attempts: number; error: string | null; raw: Buffer | null }>(
      'select sequence, state, attempts, error, raw from identity.parked_event where consumer_group = $1 and key = $2 order by sequence, id',
      [group, key],
    );

  /** The sequence up to which the group has committed a key. */
  const reached = async (key: string): Promise<number> => {
    const rows = await rig.admin.query<{ sequence: string }>(
      'select sequence from identity.inbox where consumer_group = $1 and topic = $2 and key = $3',
      [group, TOPIC, key],
    );
    return Number(rows[0]?.sequence ?? 0);
  };

  /** The group has also consumed what earlier tests left on the topic, repetitions included. */
  const consumedBacklog = async (): Promise<boolean> => {
    const behind = await rig.admin.query(
      `select 1 from identity.inbox o where o.topic = $2 and not exists (
         select 1 from identity.inbox i where i.consumer_group = $1 and i.topic = $2 and i.key = o.key and i.sequence >= o.sequence)`,
      [group, TOPIC],
    );
    return behind.length === 0;
  };

  it('delivers what was published, with all attributes, in the order of each key', async () => {
    const subjects = Array.from({ length: 7 }, () => randomUUID());
    let first: EventEnvelope | undefined;
    const { seen, handle } = recorder(tenant, (event) => void (first ??= event));
    await rig.consume(group, handle);
    await rig.sequencer();
    for (const sequence of upTo(20)) await rig.publish(subjects.map((s) => groupEvent(tenant, s, sequence)));
    await until(() => seen.length >= 140 || seen.length, 'all 140 events handled');
    for (const subject of subjects) expect(sequences(seen, eventKey(tenant, subject))).toEqual(upTo(20));
    expect(first).toMatchObject({
      type: TYPE,
      source: '/stackflow/scim-gateway',
      tenant,
      sequence: 1,
      key: `${tenant}:${first?.subject}`,
      causationid: 'test',
      traceparent: null,
    });
    expect(first?.id).toMatch(/^[0-9a-f-]{14}7/);
    expect(first?.data).toEqual(groupEvent(tenant, first?.subject ?? '', 1).data);
  });

  it('applies the effect of an event once, however often it is published', async () => {
    const subject = randomUUID();
    await rig.consume(group, recorder(tenant, writeEffect).handle);
    await rig.sequencer();
    const twice = [groupEvent(tenant, subject, 1), groupEvent(tenant, subject, 1), groupEvent(tenant, subject, 2)];
    await rig.publish(twice);
    await rig.publish([...twice, groupEvent(tenant, subject, 3)]);
    await until(async () => (await effects()).includes(3), 'the last event handled');
    expect(await effects()).toEqual([1, 2, 3]);
  });

  it('drops an older version that arrives after a newer one', async () => {
    const subject = randomUUID();
    const { seen, handle } = recorder(tenant);
    await rig.consume(group, handle);
    await rig.sequencer();
    await rig.publish([5, 4, 6, 2, 7].map((n) => groupEvent(tenant, subject, n)));
    await until(() => seen.some((s) => s.sequence === 7), 'the newest version handled');
    await rig.publish([3, 8].map((n) => groupEvent(tenant, subject, n)));
    await until(() => seen.some((s) => s.sequence === 8), 'the next version handled');
    expect(seen.map((s) => s.sequence)).toEqual([5, 6, 7, 8]);
  });

  it('drops an older version that arrives alone, and repetitions after it', async () => {
    const subject = randomUUID();
    const { seen, handle } = recorder(tenant);
    await rig.consume(group, handle);
    await rig.sequencer();
    // A batch with a newer version would hide the older one. Other keys in each partition show that the batch has ended.
    const consumed = async (versions: readonly number[]): Promise<void> => {
      const others = upTo(100).map(() => randomUUID());
      await rig.publish([
        ...versions.map((n) => groupEvent(tenant, subject, n)),
        ...others.map((other) => groupEvent(tenant, other, 1)),
      ]);
      await until(
        () => others.every((other) => sequences(seen, eventKey(tenant, other)).length === 1),
        `the other keys handled that follow ${versions.join()}`,
      );
    };
    for (const versions of [[5, 6, 7], [3], [6, 7], [8]]) await consumed(versions);
    expect(sequences(seen, eventKey(tenant, subject))).toEqual([5, 6, 7, 8]);
  });

  it('parks only the key of a failing event: other keys continue, later events of the key wait, and a retry resumes in order', async () => {
    const [bad, good] = [randomUUID(), randomUUID()];
    let healed = false;
    const { seen, handle } = recorder(tenant, async (event, context) => {
      await writeEffect(event, context);
      if (event.subject === bad && event.sequence === 2 && !healed) throw new Error('the neighbour does not answer');
    });
    const key = eventKey(tenant, bad);
    const running = await rig.consume(group, handle, { retryAfterMs: 400 });
    await rig.sequencer();
    await rig.publish([1, 2, 3].map((n) => groupEvent(tenant, bad, n)));
    await until(async () => (await parked(key)).length === 2, 'the failed event and its follower parked');
    await rig.publish([groupEvent(tenant, bad, 4), ...upTo(10).map((n) => groupEvent(tenant, good, n))]);
    await until(() => sequences(seen, eventKey(tenant, good)).length === 10, 'the other key handled');
    await until(async () => (await parked(key)).length === 3, 'the later event queued');
    expect(sequences(seen, key)).toEqual([1]);
    expect((await parked(key))[0]).toMatchObject({
      sequence: '2',
      state: 'waiting',
      error: 'Error: the neighbour does not answer',
    });
    expect(await running.metrics.registry.metrics()).toMatch(
      new RegExp(`event_parked_keys\\{group="${group}",topic="${TOPIC}",state="waiting"[^}]*\\} 1`),
    );
    healed = true;
    await until(() => sequences(seen, key).length === 4, 'the parked events handled');
    await rig.publish([groupEvent(tenant, bad, 5)]);
    await until(() => sequences(seen, key).length === 5, 'the key is consumed normally again');
    expect(sequences(seen, key)).toEqual(upTo(5));
    await until(async () => (await effects()).length >= 15, 'all effects committed');
    const rows = await rig.admin.query<{ sequence: string }>(
      'select sequence from identity.effect where key = $1 order by id',
      [key],
    );
    expect(rows.map((r) => Number(r.sequence))).toEqual(upTo(5)); // the writes of the failed attempts were undone
    expect(await parked(key)).toEqual([]);
  });

  it('consumes events that arrive for many partitions at the same time in few transactions', async () => {
    const transactions = new Set<string>();
    const { seen, handle } = recorder(tenant, async (_, { tx }) => {
      const [row] = await tx.query<{ id: string }>('select pg_current_xact_id()::text as id');
      transactions.add(row?.id ?? '');
    });
    await rig.consume(group, handle);
    const subjects = upTo(200).map(() => randomUUID());
    const chosen = await rig.admin.query<{ subject: string }>(
      `select distinct on (abs(hashtextextended(key, 0) % 12)) subject from unnest($1::text[], $2::text[]) as s(key, subject)`,
      [subjects.map((subject) => eventKey(tenant, subject)), subjects],
    ); // one in each partition of the Postgres log, and in about eight of Kafka's
    await rig.sequencer();
    await rig.publish(chosen.map(({ subject }) => groupEvent(tenant, subject, 1)));
    await until(() => seen.length === chosen.length, 'all handled, and the backlog of other tests too');
    transactions.clear();
    await rig.publish(chosen.map(({ subject }) => groupEvent(tenant, subject, 2)));
    await until(() => seen.length === 2 * chosen.length, 'all handled');
    expect(transactions.size).toBeLessThanOrEqual(5);
  });

  it('does not delay other partitions while an event is interrupted again and again', async () => {
    // Few events, because an event that is interrupted for seven seconds is parked. A partition has about 60 / 12 of them,
    // and never 20.
    const [subject, many, inItsPartition] = [randomUUID(), 60, 20];
    const interrupted = eventKey(tenant, subject);
    const committed = (which: '=' | '<>') =>
      rig.admin.query(`select 1 from identity.inbox where consumer_group = $1 and key ${which} $2`, [
        group,
        interrupted,
      ]);
    const handle: Handle = async ({ key }, { tx }) => {
      if (key === interrupted && (await committed('<>')).length < many - inItsPartition)
        await tx.query(`do $$ begin raise exception 'busy' using errcode = '40001'; end $$`);
    };
    await rig.consume(group, handle, { env: { EVENT_CONCURRENCY: '1' } }); // all partitions at the same time
    const others = upTo(many).map(() => groupEvent(tenant, randomUUID(), 1));
    await rig.publish([groupEvent(tenant, subject, 1), ...others]);
    await rig.sequencer();
    await until(async () => (await committed('=')).length === 1, 'handled after the others');
    expect(await rig.admin.query('select 1 from identity.parked_event where consumer_group = $1', [group])).toEqual([]);
  });

  it('keeps the latency of other keys low while poison events are parked', async () => {
    const nameOf = (event: EventEnvelope) => (event.data as { group: { displayName: string } }).group.displayName;
    const { seen, handle } = recorder(tenant, (event) => {
      if (nameOf(event) === 'poison') throw new PoisonEvent('this will never work');
      if (nameOf(event) === 'trouble') throw new Error('this may work later');
    });
    await rig.consume(group, handle);
    const sequencer = await rig.sequencer();
    const medianDelay = async (companion?: string): Promise<number> => {
      const delays: number[] = [];
      for (let i = 0; i < 25; i++) {
        const subject = randomUUID();
        const at = performance.now();
        await rig.publish([
          ...(companion ? [groupEvent(tenant, randomUUID(), 1, companion)] : []),
          groupEvent(tenant, subject, 1),
        ]);
        sequencer.wake();
        await until(() => sequences(seen, eventKey(tenant, subject)).length === 1, 'the healthy event handled');
        delays.push(performance.now() - at);
      }
      return delays.sort((a, b) => a - b)[12] ?? Infinity;
    };
    await medianDelay(); // warms up
    // Generous: the machine may be busy with other things. A key that waited for failing ones would take a second more.
    const bound = 3 * (await medianDelay()) + 500;
    expect(await medianDelay('poison')).toBeLessThan(bound);
    expect(await medianDelay('trouble')).toBeLessThan(bound);
    expect(seen).toHaveLength(100);
    const parkedKeys = () =>
      rig.admin.query<{ n: number }>(`select count(*)::int as n from identity.parked_event where consumer_group = $1`, [
        group,
      ]);
    await until(async () => (await parkedKeys())[0]?.n === 50, 'every failing event is kept');
  });

  describe('with one tenant whose events are slow to handle', () => {
    const [many, keys, slowMs] = [600, 60, 40];
    const slow = newTenant();
    let healed: boolean;
    const subjects = upTo(keys).map(() => randomUUID());
    const backlog = () => {
      const versions = upTo(many / keys).flatMap((n) => subjects.map((subject) => groupEvent(slow, subject, n)));
      return rig.publish(versions);
    };
    const others = () => upTo(24).map(() => groupEvent(tenant, randomUUID(), 1)); // some in each partition
    const handle: Handle = async (event, context) => {
      if (event.tenant !== slow && event.tenant !== tenant) return;
      if (event.tenant === slow && !healed) await new Promise((resolve) => setTimeout(resolve, slowMs));
      await writeEffect(event, context);
    };
    const effectsOf = async (who: string): Promise<{ key: string; sequence: number }[]> =>
      rig.admin.query('select key, sequence::int from identity.effect where key like $1 order by id', [`${who}:%`]);
    const deferred = async (): Promise<number> => {
      const [row] = await rig.admin.query<{ n: number }>(
        'select count(*)::int as n from identity.deferred_event where consumer_group = $1',
        [group],
      );
      return row?.n ?? 0;
    };

    beforeEach(async () => {
      healed = false;
      await rig.admin.query('delete from identity.effect');
    });

    it('handles the events of other tenants first, and keeps order and effects of the slow tenant over a restart', async () => {
      await backlog();
      const last = others();
      await rig.publish(last);
      const sequencer = await rig.sequencer();
      await until(async () => (await rig.producer.query('select 1 from outbox limit 1')).length === 0, 'all published');
      await sequencer.stop();
      const first = await rig.consume(group, handle, { env: { EVENT_CONCURRENCY: '1' } });
      await until(async () => (await effectsOf(tenant)).length === last.length, 'the other tenant handled');
      expect((await effectsOf(slow)).length).toBeLessThan(many / 2);
      expect(await parked(eventKey(slow, subjects[0] ?? ''))).toEqual([]); // deferred is not parked
      await first.close();
      expect(await deferred()).toBeGreaterThan(0);
      healed = true;
      await rig.consume(group, handle);
      await until(async () => (await effectsOf(slow)).length >= many, 'the slow tenant handled');
      const done = await effectsOf(slow);
      for (const subject of subjects)
        expect(done.filter(({ key }) => key === eventKey(slow, subject)).map(({ sequence }) => sequence)).toEqual(
          upTo(many / keys),
        );
      await until(async () => (await deferred()) === 0, 'nothing is deferred');
    });

    it('parks a deferred event that fails, with the events behind it, and the key resumes in order', async () => {
      const [bad = ''] = subjects;
      let fails = true;
      await backlog();
      await rig.publish(others());
      await rig.sequencer();
      const failing: Handle = async (event, context) => {
        if (event.subject === bad && event.sequence === 3 && fails) throw new Error('not now');
        await handle(event, context);
      };
      await rig.consume(group, failing, { env: { EVENT_CONCURRENCY: '2' }, pureHandlers: true, retryAfterMs: 200 });
      await until(async () => (await deferred()) > 0, 'events are deferred');
      healed = true;
      await until(
        async () => (await deferred()) === 0 && (await reached(eventKey(slow, bad))) === many / keys,
        'drained',
      );
      const left = (await parked(eventKey(slow, bad))).map(({ sequence }) => Number(sequence));
      expect(left).toEqual(upTo(many / keys).slice(2));
      fails = false;
      const done = async () => (await effectsOf(slow)).filter(({ key }) => key === eventKey(slow, bad));
      await until(async () => (await done()).length === many / keys, 'the key is handled');
      expect((await done()).map(({ sequence }) => sequence)).toEqual(upTo(many / keys));
    });
  });

  it('marks an event as dead after the last attempt, and keeps its key blocked', async () => {
    const subject = randomUUID();
    const key = eventKey(tenant, subject);
    let tries = 0;
    const { seen, handle } = recorder(tenant, (event) => {
      tries++;
      if (event.sequence === 1) throw new Error('always');
    });
    await rig.consume(group, handle, { retryAfterMs: 20, env: { EVENT_MAX_ATTEMPTS: '5' } });
    await rig.sequencer();
    await rig.publish([1, 2].map((n) => groupEvent(tenant, subject, n)));
    await until(async () => (await parked(key))[0]?.state === 'dead', 'the event is dead');
    await rig.publish([groupEvent(tenant, subject, 3)]);
    await until(async () => (await parked(key)).length === 3, 'later events wait');
    expect((await parked(key))[0]).toMatchObject({ attempts: 5, error: 'Error: always' });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(tries).toBe(5); // nothing retries a dead event
    expect(seen).toEqual([]);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('always'))],
    ['ignores an SQL error', ({ tx }: EventContext) => tx.query('select 1/0').catch(() => undefined)],
  ])(
    'runs a batch of pure handlers a second time after one that %s, and counts that attempt once',
    async (_, fail: (context: EventContext) => Promise<unknown>) => {
      const [bad, good] = [randomUUID(), randomUUID()];
      const key = eventKey(tenant, bad);
      const { handle } = recorder(tenant, async (event, context) => {
        await writeEffect(event, context);
        if (event.subject === bad) await fail(context);
      });
      await rig.publish([groupEvent(tenant, bad, 1), ...upTo(10).map((n) => groupEvent(tenant, good, n))]);
      await rig.consume(group, handle, { pureHandlers: true, retryAfterMs: 20, env: { EVENT_MAX_ATTEMPTS: '5' } });
      await rig.sequencer();
      await until(async () => (await parked(key))[0]?.state === 'dead', 'the event is dead');
      await until(async () => (await reached(eventKey(tenant, good))) === 10, 'the other key handled');
      expect((await parked(key))[0]).toMatchObject({ sequence: '1', attempts: 5 });
      expect(await effects()).toEqual(upTo(10));
    },
  );

  it('resumes after a restart where it stopped', async () => {
    const subject = randomUUID();
    const first = recorder(tenant);
    const running = await rig.consume(group, first.handle);
    await rig.sequencer();
    await rig.publish(upTo(5).map((n) => groupEvent(tenant, subject, n)));
    await until(() => first.seen.length === 5, 'the first half handled');
    await until(consumedBacklog, 'the events of earlier tests consumed');
    await running.close();
    await rig.publish([6, 7, 8].map((n) => groupEvent(tenant, subject, n)));
    const second = recorder(tenant);
    const resumed = await rig.consume(group, second.handle);
    await until(() => second.seen.length >= 3, 'the second half handled');
    expect(first.seen.map((s) => s.sequence)).toEqual(upTo(5));
    expect(second.seen.map((s) => s.sequence)).toEqual([6, 7, 8]);
    // The inbox row, not a count of handled events: a new group also reads what earlier tests left on the topic.
    await until(async () => (await reached(eventKey(tenant, subject))) === 8, 'the second half committed');
    expect(await resumed.metrics.registry.metrics()).not.toContain('outcome="duplicate"'); // it did not start from the beginning and rely on the gate
  });

  it('applies an effect once although the process loses its database between handler and commit', async () => {
    const subject = randomUUID();
    let crashes = 0;
    const { handle } = recorder(tenant, async (event, context) => {
      await writeEffect(event, context);
      if (event.sequence % 3 !== 0 || crashes >= event.sequence / 3) return;
      crashes++;
      const [backend] = await context.tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await rig.admin.query('select pg_terminate_backend($1)', [backend?.pid]);
    });
    await rig.consume(group, handle);
    await rig.sequencer();
    await rig.publish(upTo(9).map((n) => groupEvent(tenant, subject, n)));
    await until(async () => (await effects()).length >= 9, 'all effects');
    expect(crashes).toBe(3);
    expect(await effects()).toEqual(upTo(9));
    expect(await parked(eventKey(tenant, subject))).toEqual([]); // an outage of the database parks nothing
  });

  it('delivers an event again if its transaction had not committed when the process ended', async () => {
    const subject = randomUUID();
    let tries = 0;
    const interrupted = await rig.consume(group, async (event, { tx }) => {
      if (event.tenant !== tenant) return;
      tries++;
      const [backend] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await rig.admin.query('select pg_terminate_backend($1)', [backend?.pid]);
    });
    await rig.sequencer();
    await rig.publish(upTo(3).map((n) => groupEvent(tenant, subject, n)));
    await until(() => tries >= 2, 'tried without success');
    await interrupted.close();
    const { seen, handle } = recorder(tenant);
    await rig.consume(group, handle);
    await until(() => seen.length >= 3, 'handled by the next process');
    expect(seen.map((s) => s.sequence)).toEqual(upTo(3));
  });

  it('shares the partitions between two processes of a group, and handles each event in one of them', async () => {
    const subjects = Array.from({ length: 24 }, () => randomUUID());
    const byWorker = new Map<string, number>();
    const worker =
      (name: string): Handle =>
      async (event, context) => {
        if (event.tenant !== tenant) return;
        await writeEffect(event, context, name);
        await new Promise((resolve) => setTimeout(resolve, 2));
        byWorker.set(name, (byWorker.get(name) ?? 0) + 1);
      };
    await Promise.all([rig.consume(group, worker('a')), rig.consume(group, worker('b'))]);
    await rig.sequencer();
    // The second member gets its share only when the group has rebalanced; until then there is always more to handle.
    let published = 0;
    await until(async () => {
      published++;
      await rig.publish(subjects.map((s) => groupEvent(tenant, s, published)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const counts = ['a', 'b'].map((name) => byWorker.get(name) ?? 0);
      return counts.every((n) => n > 10) || counts;
    }, 'both processes have handled events');
    const all = published * subjects.length;
    await until(async () => (await effects()).length >= all || (await effects()).length, 'all effects');
    expect(await effects()).toHaveLength(all);
  });

  it('keeps order and effects while consumers join and leave', async () => {
    const subjects = Array.from({ length: 12 }, () => randomUUID());
    const handle: Handle = async (event, context) => {
      if (event.tenant === tenant) await writeEffect(event, context);
    };
    await rig.consume(group, handle);
    await rig.sequencer();
    const publishing = (async () => {
      for (const n of upTo(30)) {
        await rig.publish(subjects.map((s) => groupEvent(tenant, s, n)));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    for (let i = 0; i < 3; i++) {
      const joined = await rig.consume(group, handle);
      await new Promise((resolve) => setTimeout(resolve, 150));
      await joined.close();
    }
    await publishing;
    await until(async () => (await effects()).length >= 360 || (await effects()).length, 'all effects');
    const rows = await rig.admin.query<{ key: string; sequence: string }>(
      'select key, sequence from identity.effect where key like $1 order by id',
      [`${tenant}:%`],
    );
    for (const subject of subjects)
      expect(rows.filter((r) => r.key === eventKey(tenant, subject)).map((r) => Number(r.sequence))).toEqual(upTo(30));
  });

  it('delivers events that were stored while the carrier was down later, in order', async () => {
    const subject = randomUUID();
    const { seen, handle } = recorder(tenant);
    const interruption = await carrier.interrupt(rig);
    const stuck = await rig.sequencer(interruption.env);
    for (const n of upTo(12)) await rig.publish([groupEvent(tenant, subject, n)]);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const waiting = await rig.admin.query<{ n: number }>(
      'select count(*)::int as n from directory.outbox where tenant = $1',
      [tenant],
    );
    expect(waiting[0]?.n).toBe(12);
    await interruption.restore();
    if (Object.keys(interruption.env).length > 0) {
      await stuck.stop();
      await rig.sequencer();
    }
    await rig.consume(group, handle);
    await until(() => seen.length >= 12, 'all events handled');
    expect(seen.map((s) => s.sequence)).toEqual(upTo(12));
  });

  it('keeps the bytes of a record that cannot be read as an event, and blocks only its key', async () => {
    const [bad, good] = [randomUUID(), randomUUID()];
    const key = eventKey(tenant, bad);
    const { seen, handle } = recorder(tenant);
    await rig.consume(group, handle);
    await rig.sequencer();
    await rig.publish([groupEvent(tenant, bad, 1)]);
    await until(() => seen.length === 1, 'the first event handled');
    await carrier.injectGarbage(rig, key);
    await until(async () => (await parked(key)).length === 1, 'the record is kept');
    await rig.publish([groupEvent(tenant, bad, 2), groupEvent(tenant, good, 1)]);
    await until(() => sequences(seen, eventKey(tenant, good)).length === 1, 'the other key handled');
    await until(async () => (await parked(key)).length === 2, 'the key waits');
    const [dead, follower] = await parked(key);
    expect(dead).toMatchObject({ state: 'dead' });
    expect(dead?.raw?.toString()).toContain('garbage');
    expect(follower).toMatchObject({ state: 'waiting', sequence: '2' });
    expect(sequences(seen, key)).toEqual([1]);
  });

  it.each([
    ['of a source that does not own the topic', { source: '/stackflow/identity-service' }, 'does not own the topic'],
    ['of a type that belongs to another topic', { type: FOREIGN_TYPE }, 'belongs to the topic integration.settings'],
  ])('refuses a forged event %s, and keeps it for an administrator', async (_what, forged, reason) => {
    const [victim, other] = [randomUUID(), randomUUID()];
    const key = eventKey(tenant, victim);
    const { seen, handle } = recorder(tenant);
    await rig.consume(group, handle);
    await rig.sequencer();
    await rig.publish([groupEvent(tenant, victim, 1)]);
    await until(() => seen.length === 1, 'the first event handled');
    await carrier.inject(rig, { ...rowOf(groupEvent(tenant, victim, 2)), ...forged });
    await until(async () => (await parked(key)).length === 1, 'the forged event is kept');
    await rig.publish([groupEvent(tenant, other, 1)]);
    await until(() => seen.length === 2, 'the other key handled');
    expect((await parked(key))[0]).toMatchObject({ state: 'dead', error: expect.stringContaining(reason) as string });
    expect(sequences(seen, key)).toEqual([1]);
  });
}

const FOREIGN_TYPE = 'com.stackflow.integration.settings.changed.v1';

const rowOf = ({ type, tenant, subject, sequence, causationId, data }: ReturnType<typeof groupEvent>): EventRow => ({
  event_id: randomUUID(),
  topic: TOPIC,
  key: eventKey(tenant, subject),
  type,
  source: '/stackflow/scim-gateway',
  subject,
  tenant,
  sequence: String(sequence),
  time: new Date(),
  causation_id: causationId,
  traceparent: null,
  data,
});
