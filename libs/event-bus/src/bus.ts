import { owners, topics, type Topic } from '#events';
import type { PlatformContext } from '#platform';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { connectKafka } from './carriers/kafka/client.js';
import { KafkaPublisher } from './carriers/kafka/publisher.js';
import { KafkaSource } from './carriers/kafka/source.js';
import { KafkaStrategy } from './carriers/kafka/strategy.js';
import { PostgresPublisher, type PostgresPublisherOptions } from './carriers/postgres/publisher.js';
import { PostgresSource } from './carriers/postgres/source.js';
import { PostgresStrategy } from './carriers/postgres/strategy.js';
import type { GroupOptions } from './consumer/group-consumer.js';
import { ConsumerMetrics } from './consumer/metrics.js';
import { Sequencer, type SequencerOptions } from './producer/sequencer.js';
import { checkBusConfig, kafkaAccess, type BusConfig } from './settings.js';
import type { EventSource } from './source.js';

export type BusPlatform = Pick<PlatformContext, 'service' | 'database' | 'logger' | 'metrics' | 'health'>;

export interface StrategyOptions extends Partial<
  Pick<GroupOptions, 'inPlaceAttempts' | 'retryAfterMs' | 'pureHandlers'>
> {
  /** If set, only these topics are consumed, even if the controllers have handlers for more. */
  readonly topics?: readonly Topic[];
  /** If set, these topics are not consumed, because another group consumes them. */
  readonly except?: readonly Topic[];
}

export interface Bus {
  /** Publishes this service's outbox. Any number of replicas may run it: one is elected leader and publishes. */
  sequencer(schema?: string): Sequencer;
  /** Calls the `@EventPattern` handlers of the application as consumer group `group`; see `connectConsumer`. */
  strategy(group: string, options?: StrategyOptions): CustomTransportStrategy;
}

export function createBus(config: BusConfig, platform: BusPlatform): Bus {
  checkBusConfig(platform.service, config);
  const { database, logger, metrics, health } = platform;
  const consumerMetrics = ConsumerMetrics.of(metrics);
  const kafka =
    config.EVENT_CARRIER === 'kafka' ? connectKafka(kafkaAccess(config), platform.service, logger, config) : undefined;
  // With users, provisioning has created the topics, and a service sees only those that it uses.
  const hasUsers = config.KAFKA_USERNAME !== undefined;
  const ownTopics = topics.filter((topic) => !hasUsers || owners[topic] === platform.service);
  return {
    sequencer(schema = database.schema) {
      const publishing = { database, schema, logger, metrics };
      return kafka
        ? new Sequencer({ ...publishing, publisher: new KafkaPublisher(kafka, schema, ownTopics, logger) })
        : postgresSequencer({ ...publishing, retentionDays: config.EVENT_RETENTION_DAYS });
    },
    strategy(group, options = {}) {
      const groupOptions = {
        group,
        database,
        schema: database.schema,
        logger,
        metrics: consumerMetrics,
        inPlaceAttempts: options.inPlaceAttempts ?? 3,
        maxAttempts: config.EVENT_MAX_ATTEMPTS,
        retryAfterMs: options.retryAfterMs ?? 1_000,
        pureHandlers: options.pureHandlers ?? false,
        concurrency: config.EVENT_CONCURRENCY,
      };
      if (!kafka) return new PostgresStrategy(groupOptions, options);
      const strategy = new KafkaStrategy(groupOptions, options, kafka, config.KAFKA_SESSION_TIMEOUT_SECONDS * 1_000);
      health.add('live', `events:${group}`, () => strategy.watchdog.check());
      return strategy;
    },
  };
}

/** Publishes to the Postgres event log even if another carrier is configured. */
export const postgresSequencer = (options: Omit<SequencerOptions, 'publisher'> & PostgresPublisherOptions): Sequencer =>
  new Sequencer({ ...options, publisher: new PostgresPublisher(options) });

type SourcePlatform = Pick<BusPlatform, 'service' | 'database' | 'logger'>;

/** Creates a reader of published events. It connects to the carrier on first use. */
export const sourceOf = (config: BusConfig, { service, database, logger }: SourcePlatform): EventSource =>
  config.EVENT_CARRIER === 'kafka'
    ? new KafkaSource(connectKafka(kafkaAccess(config), service, logger), service)
    : new PostgresSource(database);
