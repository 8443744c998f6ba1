import { randomBytes } from 'node:crypto';
import { Kafka, logLevel, Partitioners, type Message } from 'kafkajs';
import { messageOf } from '../../libs/event-bus/src/carriers/kafka/message.js';
import { adminContract } from './admin-contract.js';
import { carrierContract, type CarrierUnderTest } from './carrier-contract.js';
import { commandContract } from './command-contract.js';
import { TOPIC } from './bus-rig.js';

const brokers = process.env.KAFKA_BROKERS;
if (!brokers && process.env.REQUIRE_KAFKA === '1')
  throw new Error('REQUIRE_KAFKA=1, but KAFKA_BROKERS names no broker');

/** Without a broker the whole contract counts as skipped; a fake broker would prove nothing. */
const suite = brokers ? describe : describe.skip;

function kafka(): Promise<CarrierUnderTest> {
  const prefix = `t${randomBytes(4).toString('hex')}.`;
  const list = brokers ?? '';
  const client = new Kafka({ brokers: list.split(','), logLevel: logLevel.NOTHING });
  const send = async (message: Message): Promise<void> => {
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic: prefix + TOPIC, messages: [message] });
    await producer.disconnect();
  };
  return Promise.resolve({
    env: { EVENT_CARRIER: 'kafka', KAFKA_BROKERS: list, KAFKA_TOPIC_PREFIX: prefix, KAFKA_REPLICATION_FACTOR: '1' },
    interrupt: () => Promise.resolve({ env: { KAFKA_BROKERS: '127.0.0.1:1' }, restore: () => Promise.resolve() }),
    injectGarbage: (_rig, key) => send({ key, value: Buffer.from('garbage: {"not": json') }),
    inject: (_rig, event) => send(messageOf(event)),
    async dispose() {
      const admin = client.admin();
      await admin.connect();
      const topics = (await admin.listTopics()).filter((t) => t.startsWith(prefix));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      await admin.disconnect();
    },
  });
}

suite('the Kafka carrier (skipped unless KAFKA_BROKERS names a broker)', () => carrierContract(kafka));
suite('the events command on the Kafka carrier (skipped unless KAFKA_BROKERS names a broker)', () =>
  commandContract(kafka),
);
suite('the event API on the Kafka carrier (skipped unless KAFKA_BROKERS names a broker)', () => adminContract(kafka));
