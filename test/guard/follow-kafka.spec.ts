/** The view and the real feed on Kafka. Skipped unless KAFKA_BROKERS names a broker; a fake one would prove nothing. */
import { AccessGuard, busFeed } from '#access-guard';
import { createLogger } from '#platform';
import { randomBytes, randomUUID } from 'node:crypto';
import { Kafka, logLevel, Partitioners, type Admin, type Producer } from 'kafkajs';
import { until as eventuallyTrue } from '../support/waiting.js';
import { accessData } from './feeds.js';
import { messageOf } from '../../libs/event-bus/src/carriers/kafka/message.js';

const brokers = process.env.KAFKA_BROKERS;
if (!brokers && process.env.REQUIRE_KAFKA === '1')
  throw new Error('REQUIRE_KAFKA=1, but KAFKA_BROKERS names no broker');
const suite = brokers ? describe : describe.skip;

const TENANT = randomUUID();
const prefix = `t${randomBytes(4).toString('hex')}.`;
const topic = `${prefix}identity.access`;
const logger = createLogger('test', 'silent');

suite('the view follows the Kafka carrier (skipped unless KAFKA_BROKERS names a broker)', () => {
  let admin: Admin;
  let producer: Producer;
  const open: AccessGuard[] = [];

  beforeAll(async () => {
    const kafka = new Kafka({ brokers: (brokers ?? '').split(','), logLevel: logLevel.NOTHING });
    admin = kafka.admin();
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: 12, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((guard) => guard.close()));
  });
  afterAll(async () => {
    await admin.deleteTopics({ topics: [topic] });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });

  const send = (accountId: string, sequence: number, change: Parameters<typeof accessData>[1] = {}) =>
    producer.send({
      topic,
      acks: -1,
      messages: [
        messageOf({
          event_id: randomUUID(),
          topic: 'identity.access',
          key: `${TENANT}:${accountId}`,
          type: 'com.stackflow.identity.access.changed.v1',
          source: '/stackflow/deactivation-worker',
          subject: accountId,
          tenant: TENANT,
          sequence: String(sequence),
          time: new Date(),
          causation_id: 'test',
          traceparent: null,
          data: accessData(accountId, change),
        }),
      ],
    });

  function startGuard(afterMs = 10_000): AccessGuard {
    const source = { carrier: 'kafka', brokers: (brokers ?? '').split(','), topicPrefix: prefix } as const;
    const feed = busFeed(source, { name: 'guard-test', logger });
    const guard = new AccessGuard({
      issuer: 'https://issuer.example',
      clientIds: ['x'],
      audience: null,
      feed,
      logger,
      policy: { stale: { afterMs } },
    });
    open.push(guard);
    guard.start();
    return guard;
  }

  const until = (what: string, condition: () => boolean) => eventuallyTrue(what, condition, 25_000);

  test('is complete on an empty topic, and reads the past and later records of another', async () => {
    const early = startGuard();
    await until('live on nothing', () => early.freshness().state === 'live');
    const accounts = Array.from({ length: 50 }, () => randomUUID());
    for (const id of accounts) await send(id, 1);
    await send(accounts[0] ?? '', 3, { status: 'inactive' });
    await send(accounts[0] ?? '', 2);

    const late = startGuard();
    await until('late is live', () => late.freshness().state === 'live');
    expect(late.freshness().accounts).toBe(50);
    expect(late.view.get(accounts[0] ?? '')).toMatchObject({ status: 'inactive', version: 3 });

    const bob = randomUUID();
    await send(bob, 1, { notBefore: '2026-01-01T00:00:00.500Z' });
    for (const guard of [early, late])
      await until('bob', () => guard.view.get(bob)?.notBefore === Date.parse('2026-01-01T00:00:00.500Z'));
  }, 60_000);

  test('an unreadable record and a tombstone each remove the access of their account, and a newer record restores it', async () => {
    const guard = startGuard();
    const [alice, bob] = [randomUUID(), randomUUID()];
    await send(alice, 1);
    await send(bob, 1);
    await producer.send({
      topic,
      messages: [
        { key: `${TENANT}:${alice}`, value: '{"not": json' },
        { key: `${TENANT}:${bob}`, value: null },
      ],
    });
    await until(
      'both',
      () => guard.view.get(alice)?.status === 'unreadable' && guard.view.get(bob)?.status === 'removed',
    );
    await send(alice, 2);
    await until('alice again', () => guard.view.get(alice)?.status === 'active');
  }, 60_000);

  test('proves that the view is complete although nothing happens', async () => {
    const guard = startGuard();
    await until('live', () => guard.freshness().state === 'live');
    const { asOf } = guard.freshness();
    await until('a later proof', () => Number(guard.freshness().asOf) > Number(asOf) + 1_000);
  }, 60_000);

  test('leaves no consumer group behind', async () => {
    const guard = startGuard();
    await until('live', () => guard.freshness().state === 'live');
    open.length = 0;
    await guard.close();
    const groups = async () =>
      (await admin.listGroups()).groups.filter((g) => g.groupId.startsWith(`${prefix}guard-test-`));
    for (const { groupId } of await groups()) {
      const offsets = await admin.fetchOffsets({ groupId, topics: [topic] });
      expect(offsets[0]?.partitions.every((p) => p.offset === '-1')).toBe(true); // an empty group without offsets: the broker forgets it
    }
  }, 60_000);
});
