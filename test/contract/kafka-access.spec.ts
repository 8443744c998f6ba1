/**
 * The brokers refuse what a user is not allowed: a real broker with users and an authorizer. Skipped with the other tests of Kafka;
 * this broker is started here, because the shared one has no users.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { provisionKafka } from '#event-bus';
import { owners, topics, type Topic } from '#events';
import { createLogger } from '#platform';
import { jest } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { serviceUsers } from '../../apps/provision/src/kafka.js';
import { accessList } from '../../libs/event-bus/src/carriers/kafka/access.js';
import { connectKafka } from '../../libs/event-bus/src/carriers/kafka/client.js';
import { KafkaSource } from '../../libs/event-bus/src/carriers/kafka/source.js';
import { ReadRefused } from '../../libs/event-bus/src/source.js';
import { kafkaObstacle, startKafka, type LocalKafka } from '../../tools/local/kafka.js';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, until } from './bus-rig.js';

const wanted = process.env.KAFKA_BROKERS ?? process.env.REQUIRE_KAFKA === '1';
const suite = wanted && (await kafkaObstacle()) === undefined ? describe : describe.skip;
jest.setTimeout(TEST_LIMIT_MS);

const PREFIX = 'acl.';
const subscriber = { name: 'reports', publishes: [], consumes: ['identity.accounts'] as const };
const users = [...serviceUsers, subscriber];
const names = users.map(({ name }) => name);
const logger = createLogger('test', 'silent');
const password = (name: string): string => `password-of-${name}`;

suite('a cluster with users (skipped without Kafka)', () => {
  let broker: LocalKafka;
  let folder: string;

  const credentials = (user: string) => ({
    username: user === 'admin' ? user : PREFIX + user,
    password: password(user),
  });
  const access = (user: string) =>
    ({ carrier: 'kafka', brokers: [broker.brokers], topicPrefix: PREFIX, ...credentials(user) }) as const;
  const client = (user: string): Kafka =>
    new Kafka({
      brokers: [broker.brokers],
      sasl: { mechanism: 'scram-sha-512', ...credentials(user) },
      logLevel: logLevel.NOTHING,
      retry: { retries: 2, initialRetryTime: 50 },
    });
  const prepare = () =>
    provisionKafka(access('admin'), users, { KAFKA_REPLICATION_FACTOR: 1, EVENT_RETENTION_DAYS: 14 }, logger);

  /** Sends one message; returns the type of the refusal, or undefined if the broker took it. */
  async function produce(user: string, topic: Topic): Promise<string | undefined> {
    const producer = client(user).producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner });
    try {
      await producer.connect();
      await producer.send({ topic: PREFIX + topic, messages: [{ key: 'k', value: 'v' }] });
      return undefined;
    } catch (error) {
      return refusal(error);
    } finally {
      await producer.disconnect();
    }
  }

  const read = (user: string, topic: Topic): Promise<void> =>
    new KafkaSource(connectKafka(access(user), user, logger), user).read({ topic }, () => Promise.resolve());

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'stackflow-kafka-users-'));
    const accounts = ['admin', ...names].map((name) => [credentials(name).username, password(name)] as const);
    broker = await startKafka({ folder, users: Object.fromEntries(accounts) });
    expect(await prepare()).toBe(true);
    // The brokers apply a list a moment after they have stored it, and create their topic of offsets at first use.
    await until(async () => (await produce('integration-hub', 'integration.settings')) ?? true, 'the list applies');
    await until(() => read('scim-gateway', 'integration.settings').then(() => true, String), 'groups are possible');
  });
  afterAll(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('can be provisioned again', async () => {
    expect(await prepare()).toBe(true);
  });

  it.each(names)('lets %s write to the topics that it owns, and to no other', async (name) => {
    for (const topic of topics) {
      const expected = owners[topic] === name ? undefined : expect.stringMatching(REFUSED);
      expect({ topic, refusal: await produce(name, topic) }).toEqual({ topic, refusal: expected });
    }
  });

  it.each(users)('lets $name read the topics that it consumes or publishes, and no other', async (user) => {
    for (const topic of topics) {
      const allowed = [...user.consumes, ...user.publishes].includes(topic);
      const answer = await read(user.name, topic).then(
        () => 'read',
        (error: unknown) => (error instanceof ReadRefused ? 'refused' : error),
      );
      expect({ topic, answer }).toEqual({ topic, answer: allowed ? 'read' : 'refused' });
    }
  });

  it('lets nobody join the consumer group of another service, which would take its events away', async () => {
    for (const group of ['identity-service', 'auth-service-access', 'reports', 'anything']) {
      const consumer = client('scim-gateway').consumer({ groupId: PREFIX + group, retry: { retries: 0 } });
      const crash = new Promise<unknown>((resolve) =>
        consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error)),
      );
      await consumer.connect();
      await consumer.subscribe({ topics: [`${PREFIX}integration.settings`] });
      const ended = consumer.run({ eachMessage: () => Promise.resolve() }).then(
        () => crash,
        (error: unknown) => error,
      );
      expect({ group, refusal: refusal(await ended) }).toEqual({
        group,
        refusal: expect.stringMatching(/GROUP_AUTHORIZATION_FAILED|group coordinator/),
      });
      await consumer.disconnect();
    }
  });

  it('lets no service create, change or delete topics, nor give rights', async () => {
    const admin = client('scim-gateway').admin();
    await admin.connect();
    const topic = `${PREFIX}directory.users`;
    const [acl] = accessList(users, PREFIX);
    for (const [what, attempt] of [
      ['create', () => admin.createTopics({ topics: [{ topic: `${PREFIX}mine` }] })],
      ['delete', () => admin.deleteTopics({ topics: [topic] })],
      ['grant', () => admin.createAcls({ acl: acl ? [acl] : [] })],
    ] as const)
      expect([what, refusal(await attempt().catch((error: unknown) => error))]).toEqual([
        what,
        expect.stringMatching(REFUSED),
      ]);
    await admin.disconnect();
  });

  it('refuses a wrong password', async () => {
    const admin = new Kafka({
      brokers: [broker.brokers],
      sasl: { mechanism: 'scram-sha-512', username: `${PREFIX}scim-gateway`, password: 'guessed' },
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    }).admin();
    await expect(admin.connect()).rejects.toThrow(/authentication/i);
  });

  it('carries an event from the outbox of its owner to the handler of a consumer, each with its own user', async () => {
    const env = (user: string): NodeJS.ProcessEnv => ({
      EVENT_CARRIER: 'kafka',
      KAFKA_BROKERS: broker.brokers,
      KAFKA_TOPIC_PREFIX: PREFIX,
      KAFKA_USERNAME: credentials(user).username,
      KAFKA_PASSWORD: password(user),
    });
    const rig = await BusRig.create({});
    try {
      const tenant = newTenant();
      const [group, seen] = [randomUUID(), [] as string[]];
      await rig.consume('identity-service', (event) => event.tenant === tenant && seen.push(event.subject), {
        env: env('identity-service'),
      });
      await rig.sequencer(env('scim-gateway'));
      await rig.publish([groupEvent(tenant, group, 1)]);
      await until(() => seen.length === 1, 'the event is handled');
      expect(seen).toEqual([group]);
    } finally {
      await rig.close();
    }
  });
});

const shared = process.env.KAFKA_BROKERS;
(shared ? it : it.skip)('a cluster without an authorizer gets the topics, and provisioning says so', async () => {
  const topicPrefix = `t${randomUUID().slice(0, 8)}.`;
  const brokers = (shared ?? '').split(',');
  const defaults = { KAFKA_REPLICATION_FACTOR: 1, EVENT_RETENTION_DAYS: 14 };
  expect(await provisionKafka({ carrier: 'kafka', brokers, topicPrefix }, users, defaults, logger)).toBe(false);
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const created = (await admin.listTopics()).filter((topic) => topic.startsWith(topicPrefix));
  await admin.deleteTopics({ topics: created });
  await admin.disconnect();
  expect(created.sort()).toEqual(topics.map((topic) => topicPrefix + topic).sort());
});

const REFUSED = /AUTHORIZATION_FAILED$/;

/** The type of Kafka's error, which kafkajs may wrap. */
function refusal(error: unknown): string | undefined {
  const { type, cause, originalError, errors } = error as {
    type?: string;
    cause?: unknown;
    originalError?: unknown;
    errors?: unknown[];
  };
  if (type !== undefined) return type;
  const inner = cause ?? originalError ?? errors?.[0];
  return inner === undefined ? String(error) : refusal(inner);
}
