import { compactedTopics, topics, type Topic } from '#events';
import { Kafka, logLevel, type ITopicConfig, type LogEntry } from 'kafkajs';
import { PARTITIONS } from '../../record.js';
import type { FollowLogger } from '../../follower.js';
import type { KafkaAccess } from '../../settings.js';

export interface KafkaConnection {
  readonly kafka: Kafka;
  /** Returns the full name of a topic or group on the cluster: the configured prefix, then `plain`. */
  readonly name: (plain: string) => string;
  /** Returns undefined if the catalog has no topic for this name on the cluster. */
  readonly topicOf: (name: string) => Topic | undefined;
  /**
   * Creates those of the topics that are missing. It does not change the configuration of existing topics. A subscriber
   * whose topics exist needs no right to create any.
   */
  readonly ensureTopics: (wanted: readonly Topic[]) => Promise<void>;
}

/** How missing topics are created. */
export interface TopicDefaults {
  readonly KAFKA_REPLICATION_FACTOR: number;
  readonly EVENT_RETENTION_DAYS: number;
}

export function connectKafka(
  { brokers, topicPrefix: prefix = '', ssl = false, username, password }: KafkaAccess,
  clientId: string,
  logger: FollowLogger,
  defaults: TopicDefaults = { KAFKA_REPLICATION_FACTOR: -1, EVENT_RETENTION_DAYS: 14 },
): KafkaConnection {
  const kafka = new Kafka({
    clientId,
    brokers: [...brokers],
    ssl,
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
    ensureTopics: async (wanted) => {
      const admin = kafka.admin();
      await admin.connect();
      try {
        const existing = await admin.listTopics();
        const missing = wanted.filter((topic) => !existing.includes(name(topic)));
        // Wait for the leaders; without leaders the first fetch from a new topic would fail.
        if (missing.length > 0)
          await admin.createTopics({
            waitForLeaders: true,
            topics: missing.map((topic) => topicConfig(topic, name(topic), defaults)),
          });
      } finally {
        await admin.disconnect();
      }
    },
  };
}

function topicConfig(topic: Topic, name: string, defaults: TopicDefaults): ITopicConfig {
  const compacted = compactedTopics.includes(topic);
  return {
    topic: name,
    numPartitions: PARTITIONS,
    replicationFactor: defaults.KAFKA_REPLICATION_FACTOR,
    configEntries: compacted
      ? [{ name: 'cleanup.policy', value: 'compact' }]
      : [{ name: 'retention.ms', value: String(defaults.EVENT_RETENTION_DAYS * 86_400_000) }],
  };
}

/**
 * kafkajs reports these messages as errors, although they occur at every start or rebalance. We log them at level
 * "debug".
 */
const EXPECTED =
  /coordinator|does not host this topic-partition|rebalanc|not aware of this member|There is no leader for this topic-partition|Topic with this name already exists|Topic creation errors|Limiting retries for the idempotent producer/i;

function logLine(logger: FollowLogger, { level, namespace, log }: LogEntry): void {
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
