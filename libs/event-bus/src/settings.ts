import { choice, ConfigError, flag, integer, list, optionalText, type ConfigOf, type ConfigShape } from '#platform';

export const busSettings = {
  EVENT_CARRIER: choice(['postgres', 'kafka'], {
    purpose: 'What carries events between services: the Postgres event log, or Kafka.',
    example: 'kafka',
    default: 'postgres',
  }),
  KAFKA_BROKERS: list({
    purpose: 'Bootstrap brokers, host:port, comma-separated; needed when EVENT_CARRIER=kafka.',
    example: 'kafka-1:9092,kafka-2:9092',
  }),
  KAFKA_TOPIC_PREFIX: optionalText({
    purpose: 'Prefix of the names of topics and consumer groups, where several installations share a cluster.',
    example: 'staging.',
  }),
  KAFKA_SSL: flag({ purpose: 'TLS towards the brokers.', example: 'true', default: false }),
  KAFKA_USERNAME: optionalText({
    purpose:
      'SASL/SCRAM-SHA-512 user: KAFKA_TOPIC_PREFIX, then the name of the service or subscriber. If it is not set, no SASL is used.',
    example: 'scim-gateway',
  }),
  KAFKA_PASSWORD: {
    ...optionalText({ purpose: 'SASL/SCRAM-SHA-512 password.', example: '$(cat kafka-password)' }),
    secret: true,
  },
  KAFKA_REPLICATION_FACTOR: integer({
    purpose:
      'Number of replicas of each topic that this process creates because it is missing; -1 means the default of the cluster. A subscriber needs no value if the topics exist.',
    example: '3',
    default: -1,
    min: -1,
    max: 9,
  }),
  KAFKA_SESSION_TIMEOUT_SECONDS: integer({
    purpose: 'If a consumer sends no heartbeat for this many seconds, its partitions are reassigned.',
    example: '10',
    default: 30,
    min: 6, // group.min.session.timeout.ms of a broker
    max: 300,
  }),
  EVENT_RETENTION_DAYS: integer({
    purpose:
      'Services that publish events delete events older than this many days. A process that only subscribes deletes none and needs no value. The last event of each key in a compacted topic is never deleted.',
    example: '14',
    default: 14,
    min: 1,
    max: 3650,
  }),
  EVENT_CONCURRENCY: integer({
    purpose:
      'Maximum number of simultaneous transactions of a consumer group in this process; each holds a database connection. While all of them handle new events, half as many more handle deferred ones.',
    example: '4',
    default: 4,
    min: 1,
    max: 12,
  }),
  EVENT_MAX_ATTEMPTS: integer({
    purpose:
      'Number of attempts after which a parked event is dead and waits for an administrator. 17 attempts take about an hour.',
    example: '17',
    default: 17,
    min: 1,
    max: 1000,
  }),
} satisfies ConfigShape;

export type BusConfig = ConfigOf<typeof busSettings>;

/** How to reach the brokers. */
export interface KafkaAccess {
  readonly carrier: 'kafka';
  /** Bootstrap brokers, `host:port`. */
  readonly brokers: readonly string[];
  /** Prefix of the names of topics and groups, where several installations share a cluster. */
  readonly topicPrefix?: string | undefined;
  /** TLS towards the brokers; false by default. */
  readonly ssl?: boolean;
  /** SASL/SCRAM-SHA-512 user. Without it, no SASL is used. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

type AccessSetting = 'KAFKA_BROKERS' | 'KAFKA_TOPIC_PREFIX' | 'KAFKA_SSL' | 'KAFKA_USERNAME' | 'KAFKA_PASSWORD';

export const kafkaAccess = (config: Pick<BusConfig, AccessSetting>): KafkaAccess => ({
  carrier: 'kafka',
  brokers: config.KAFKA_BROKERS,
  topicPrefix: config.KAFKA_TOPIC_PREFIX,
  ssl: config.KAFKA_SSL,
  username: config.KAFKA_USERNAME,
  password: config.KAFKA_PASSWORD,
});

/** Checks settings that depend on each other. */
export function checkBusConfig(service: string, config: BusConfig): void {
  if (config.EVENT_CARRIER === 'kafka' && config.KAFKA_BROKERS.length === 0)
    throw new ConfigError(service, [
      `KAFKA_BROKERS is not set although EVENT_CARRIER=kafka. ${busSettings.KAFKA_BROKERS.purpose} Example: KAFKA_BROKERS=${busSettings.KAFKA_BROKERS.example}`,
    ]);
}
