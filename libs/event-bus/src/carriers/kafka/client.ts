/** Creates the Kafka client, forwards its log lines, and creates topics. Only this folder imports kafkajs. */
import { compactedTopics, topics, type Topic } from '#events';
import type { Logger } from '#platform';
import { Kafka, logLevel, type ITopicConfig, type LogEntry } from 'kafkajs';
import { PARTITIONS } from '../../record.js';
import type { BusConfig } from '../../settings.js';

export interface KafkaConnection {
  readonly kafka: Kafka;
  /** Returns the full name of a topic or group on the cluster: the configured prefix, then `plain`. */
  readonly name: (plain: string) => string;
  /** Returns the catalog's topic for a name on the cluster, or undefined if the catalog has no such topic. */
  readonly topicOf: (name: string) => Topic | undefined;
  /** Creates missing topics. It does not change the configuration of existing topics. */
  readonly ensureTopics: () => Promise<void>;
}

type KafkaConfigPart = Pick<
  BusConfig,
  | 'KAFKA_BROKERS'
  | 'KAFKA_TOPIC_PREFIX'
  | 'KAFKA_SSL'
  | 'KAFKA_USERNAME'
  | 'KAFKA_PASSWORD'
  | 'KAFKA_REPLICATION_FACTOR'
  | 'EVENT_RETENTION_DAYS'
>;

export function connectKafka(config: KafkaConfigPart, clientId: string, logger: Logger): KafkaConnection {
  const { KAFKA_USERNAME: username, KAFKA_PASSWORD: password, KAFKA_TOPIC_PREFIX: prefix = '' } = config;
  const kafka = new Kafka({
    clientId,
    brokers: [...config.KAFKA_BROKERS],
    ssl: config.KAFKA_SSL,
    ...(username !== undefined && { sasl: { mechanism: 'scram-sha-512', username, password: password ?? '' } }),
    connectionTimeout: 3_000,
    requestTimeout: 20_000,
    retry: { initialRetryTime: 100, retries: 4, maxRetryTime: 2_000 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => logLine(logger, entry),
  });
  const name = (plain: string) => prefix + plain;
  return {
    kafka,
    name,
    topicOf: (topic) => topics.find((t) => name(t) === topic),
    ensureTopics: () =>
      ensureTopics(
        kafka,
        topics.map((t) => topicConfig(t, name(t), config)),
      ),
  };
}

function topicConfig(topic: Topic, name: string, config: KafkaConfigPart): ITopicConfig {
  const compacted = compactedTopics.includes(topic);
  return {
    topic: name,
    numPartitions: PARTITIONS,
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    configEntries: compacted
      ? [{ name: 'cleanup.policy', value: 'compact' }]
      : [{ name: 'retention.ms', value: String(config.EVENT_RETENTION_DAYS * 86_400_000) }],
  };
}

/** Waits until the topics have leaders; without leaders the first fetch from a new topic would fail. */
async function ensureTopics(kafka: Kafka, wanted: ITopicConfig[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({ waitForLeaders: true, topics: wanted });
  } finally {
    await admin.disconnect();
  }
}

/**
 * Messages that are logged at debug level. kafkajs reports them as errors, but they occur at every start or rebalance,
 * and kafkajs retries automatically.
 */
const EXPECTED =
  /coordinator|does not host this topic-partition|rebalanc|not aware of this member|There is no leader for this topic-partition|Topic with this name already exists|Topic creation errors|Limiting retries for the idempotent producer/i;

function logLine(logger: Logger, { level, namespace, log }: LogEntry): void {
  const { message, error, groupId, broker } = log as {
    message: string;
    error?: string;
    groupId?: string;
    broker?: string;
  };
  const fields = {
    kafka: namespace,
    ...(error !== undefined && { reason: error }),
    ...(groupId !== undefined && { groupId }),
    ...(broker !== undefined && { broker }),
  };
  const expected = EXPECTED.test(`${message} ${error ?? ''}`);
  // Never log at level "error" here. If kafkajs gives up, our code gets a rejection or a CRASH event and logs it once.
  logger[level <= logLevel.WARN && !expected ? 'warn' : 'debug'](fields, message);
}
