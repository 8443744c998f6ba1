/**
 * Promise P1: a stored event is published, exactly once in effect and in order per key, whichever process is killed.
 * Sixteen writers write to fifty users, half of them in transactions that changed something else first. Two publisher
 * processes run; the older one is killed (SIGKILL) every second.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import type { EventContext } from '#event-bus';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, TOPIC, until } from '../contract/bus-rig.js';
import { compiled } from '../support/services.js';

const WRITERS = 16;
const AGGREGATES = 50;
const WRITING_MS = 8_000;
const PROGRAM = path.resolve('dist/test/faults/sequencer-process.js');

class KilledPublishers {
  private readonly children: ChildProcess[] = [];
  kills = 0;

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  spawn(): void {
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    const child = fork(PROGRAM, {
      env: { ...inherited, ...this.env },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.children.push(child);
  }

  killOldest(): void {
    if (this.children.shift()?.kill('SIGKILL')) this.kills++;
    this.spawn();
  }

  end(): void {
    for (const child of this.children.splice(0)) child.kill('SIGKILL');
  }
}

/** The outbox requires this: lock the row, increase the version, insert the event, in one transaction. */
async function write(rig: BusRig, tenant: string, subject: string, touchFirst: boolean): Promise<void> {
  await rig.producer.tx(async (tx) => {
    if (touchFirst) await tx.query('insert into noise default values');
    const [row] = await tx.query<{ version: string }>(
      'update aggregate set version = version + 1 where id = $1 returning version',
      [subject],
    );
    await rig.outbox.add(tx, [groupEvent(tenant, subject, Number(row?.version))]);
  });
}

async function writeUnderFire(
  rig: BusRig,
  tenant: string,
  env: NodeJS.ProcessEnv,
): Promise<{ subjects: string[]; stored: Map<string, number>; kills: number }> {
  const subjects = Array.from({ length: AGGREGATES }, () => randomUUID());
  await rig.admin.query(
    `create table if not exists directory.noise (id bigint generated always as identity primary key);
     create table if not exists directory.aggregate (id uuid primary key, version bigint not null default 0);
     grant all on directory.noise, directory.aggregate to scim_gateway`,
  );
  await rig.producer.query('insert into aggregate (id) select unnest($1::uuid[])', [subjects]);
  const publishers = new KilledPublishers({ ...env, DATABASE_URL: rig.testDatabase.url('scim-gateway') });
  publishers.spawn();
  publishers.spawn();
  const killer = setInterval(() => publishers.killOldest(), 1_000);
  try {
    const end = Date.now() + WRITING_MS;
    const writer = async (n: number) => {
      for (let i = n; Date.now() < end; i++) {
        await write(rig, tenant, subjects[Math.floor(Math.random() * AGGREGATES)] ?? '', i % 2 === 0);
        await sleep(8);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)));
    clearInterval(killer);
    await until(
      async () => (await rig.producer.query<{ n: number }>('select count(*)::int as n from outbox'))[0]?.n === 0,
      'the outbox is published',
    );
  } finally {
    clearInterval(killer);
    publishers.end();
  }
  const rows = await rig.producer.query<{ id: string; version: string }>(
    'select id, version from aggregate where id = any($1)',
    [subjects],
  );
  return {
    subjects,
    stored: new Map(rows.map((r) => [`${tenant}:${r.id}`, Number(r.version)])),
    kills: publishers.kills,
  };
}

const group = <T extends { key: string; sequence: number }>(
  records: readonly T[],
  stored: ReadonlyMap<string, number>,
): Map<string, number[]> => {
  const byKey = new Map<string, number[]>([...stored.keys()].map((key) => [key, []]));
  for (const { key, sequence } of records) byKey.get(key)?.push(sequence);
  return byKey;
};
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** Each key exactly once and in order, as a consumer with deduplication sees it. */
async function expectExactlyOnce(rig: BusRig, stored: ReadonlyMap<string, number>): Promise<void> {
  const total = [...stored.values()].reduce((a, b) => a + b, 0);
  await rig.consume(`p1-${randomUUID()}`, (event, { tx }: EventContext) =>
    stored.has(event.key)
      ? tx.query('insert into effect (key, sequence, event_id) values ($1, $2, $3)', [
          event.key,
          event.sequence,
          event.id,
        ])
      : undefined,
  );
  const count = async () =>
    (await rig.admin.query<{ n: number }>('select count(*)::int as n from identity.effect'))[0]?.n ?? 0;
  await until(async () => (await count()) >= total || `${await count()} of ${total}`, 'every event handled');
  const effects = await rig.admin.query<{ key: string; sequence: string }>(
    'select key, sequence from identity.effect order by id',
  );
  const byKey = group(
    effects.map((e) => ({ key: e.key, sequence: Number(e.sequence) })),
    stored,
  );
  for (const [key, version] of stored) expect(byKey.get(key)).toEqual(upTo(version));
}

async function readTopic(brokers: string, topic: string): Promise<{ key: string; sequence: number }[]> {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const records: { key: string; sequence: number }[] = [];
  const consumer = kafka.consumer({ groupId: `raw-${randomUUID()}` });
  const reached = new Map<number, number>();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      records.push({ key: message.key?.toString() ?? '', sequence: Number(message.headers?.ce_sequence) });
      reached.set(partition, Number(message.offset) + 1);
    },
  });
  await until(
    () => offsets.every((o) => Number(o.high) === Number(o.low) || (reached.get(o.partition) ?? 0) >= Number(o.high)),
    'the topic is read',
  );
  await consumer.disconnect();
  return records;
}

beforeAll(compiled);

describe('P1 on the Postgres carrier', () => {
  it(
    'loses no event, repeats none and keeps the order while publishers are killed',
    async () => {
      const env = { EVENT_CARRIER: 'postgres' };
      const rig = await BusRig.create(env);
      try {
        const { stored, kills } = await writeUnderFire(rig, newTenant(), env);
        expect(kills).toBeGreaterThanOrEqual(6);
        const log = await rig.admin.query<{ key: string; sequence: string }>(
          'select key, sequence from bus.event_log order by position',
        );
        const byKey = group(
          log.map((r) => ({ key: r.key, sequence: Number(r.sequence) })),
          stored,
        );
        for (const [key, version] of stored) expect(byKey.get(key)).toEqual(upTo(version));
        await expectExactlyOnce(rig, stored);
      } finally {
        await rig.close();
      }
    },
    TEST_LIMIT_MS,
  );
});

const brokers = process.env.KAFKA_BROKERS;
if (!brokers && process.env.REQUIRE_KAFKA === '1')
  throw new Error('REQUIRE_KAFKA=1, but KAFKA_BROKERS names no broker');
const onKafka = brokers ? describe : describe.skip;

onKafka('P1 on the Kafka carrier (skipped unless KAFKA_BROKERS names a broker)', () => {
  it(
    'loses no event and keeps the order while publishers are killed; consumers ignore repetitions',
    async () => {
      const prefix = `p${randomBytes(4).toString('hex')}.`;
      const env = {
        EVENT_CARRIER: 'kafka',
        KAFKA_BROKERS: brokers,
        KAFKA_TOPIC_PREFIX: prefix,
        KAFKA_REPLICATION_FACTOR: '1',
      };
      const rig = await BusRig.create(env);
      try {
        const { stored, kills } = await writeUnderFire(rig, newTenant(), env);
        expect(kills).toBeGreaterThanOrEqual(6);
        const records = await readTopic(brokers ?? '', prefix + TOPIC);
        const byKey = group(records, stored);
        for (const [key, version] of stored) expect([...new Set(byKey.get(key))]).toEqual(upTo(version)); // order of the first deliveries
        await expectExactlyOnce(rig, stored);
      } finally {
        await rig.close();
      }
    },
    TEST_LIMIT_MS,
  );
});
