/** Creates the publisher and the consumers of one service for the carrier that the configuration names. */
import type { Topic } from '#events';
import type { Database, Logger, PlatformContext } from '#platform';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { connectKafka } from './carriers/kafka/client.js';
import { KafkaPublisher } from './carriers/kafka/publisher.js';
import { KafkaSource } from './carriers/kafka/source.js';
import { KafkaStrategy } from './carriers/kafka/strategy.js';
import { PostgresPublisher, type PostgresPublisherOptions } from './carriers/postgres/publisher.js';
import { PostgresSource } from './carriers/postgres/source.js';
import { PostgresStrategy } from './carriers/postgres/strategy.js';
import { ConsumerMetrics } from './consumer/metrics.js';
import { Sequencer, type SequencerOptions } from './producer/sequencer.js';
import { checkBusConfig, kafkaAccess, type BusConfig } from './settings.js';
import type { EventSource } from './source.js';

export type BusPlatform = Pick<PlatformContext, 'service' | 'database' | 'logger' | 'metrics' | 'health'>;

export interface StrategyOptions {
  /** If set, only these topics are consumed, even if the controllers have handlers for more. */
  readonly topics?: readonly Topic[];
  /** Quick attempts before a key is parked; 3 by default. */
  readonly inPlaceAttempts?: number;
  /**
   * Pause before the first retry of a parked event; one second by default. It doubles with each retry, up to ten
   * minutes.
   */
  readonly retryAfterMs?: number;
  /**
   * True if all handlers write only through their transaction and have no other effect. A batch then needs no
   * savepoints: if one handler fails, the whole batch is rolled back and its handlers run a second time. False by
   * default.
   */
  readonly pureHandlers?: boolean;
}

export interface Bus {
  /**
   * The publisher of this service's outbox. As a provider of a Nest module it starts and stops with the application.
   * Any number of replicas may run it; one replica is elected leader and publishes.
   */
  sequencer(schema?: string): Sequencer;
  /**
   * Returns a strategy that calls the `@EventPattern` handlers of the application as consumer group `group`; see
   * `connectConsumer`.
   */
  strategy(group: string, options?: StrategyOptions): CustomTransportStrategy;
}

export function createBus(config: BusConfig, platform: BusPlatform): Bus {
  checkBusConfig(platform.service, config);
  const { database, logger, metrics, health } = platform;
  const consumerMetrics = ConsumerMetrics.of(metrics);
  const kafka =
    config.EVENT_CARRIER === 'kafka' ? connectKafka(kafkaAccess(config), platform.service, logger, config) : undefined;
  return {
    sequencer(schema = database.schema) {
      const publishing = { database, schema, logger, metrics };
      return kafka
        ? new Sequencer({ ...publishing, publisher: new KafkaPublisher(kafka, schema, logger) })
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
      };
      if (!kafka) return new PostgresStrategy(groupOptions, options.topics, config.EVENT_CONCURRENCY);
      const strategy = new KafkaStrategy(
        groupOptions,
        options.topics,
        kafka,
        config.EVENT_CONCURRENCY,
        config.KAFKA_SESSION_TIMEOUT_SECONDS * 1_000,
      );
      health.add('live', `events:${group}`, () => strategy.watchdog.check());
      return strategy;
    },
  };
}

/** Creates a sequencer that publishes to the Postgres event log even if another carrier is configured. */
export const postgresSequencer = (options: Omit<SequencerOptions, 'publisher'> & PostgresPublisherOptions): Sequencer =>
  new Sequencer({ ...options, publisher: new PostgresPublisher(options) });

/** Creates a reader of published events. It connects to the carrier on first use. */
export const sourceOf = (config: BusConfig, database: Database, logger: Logger): EventSource =>
  config.EVENT_CARRIER === 'kafka'
    ? new KafkaSource(connectKafka(kafkaAccess(config), `${database.schema}:events`, logger))
    : new PostgresSource(database);
