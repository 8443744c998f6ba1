/** Wires the bus of one service: which carrier, from the configuration. */
import type { Topic } from '#events';
import type { Database, Logger, PlatformContext } from '#platform';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { connectKafka } from './kafka/client.js';
import { KafkaSource } from './kafka/inspect.js';
import { KafkaPublisher } from './kafka/publisher.js';
import { KafkaStrategy } from './kafka/strategy.js';
import { ConsumerMetrics } from './metrics.js';
import { PostgresSource } from './postgres/source.js';
import { PostgresStrategy } from './postgres/strategy.js';
import { Sequencer } from './sequencer.js';
import type { EventSource } from './source.js';
import { checkBusConfig, type BusConfig } from './settings.js';

export type BusPlatform = Pick<PlatformContext, 'service' | 'database' | 'logger' | 'metrics' | 'health'>;

export interface StrategyOptions {
  /** Only these topics, of those that the controllers have handlers for. */
  readonly topics?: readonly Topic[];
  /** Quick attempts before a key is parked; 3 by default. */
  readonly inPlaceAttempts?: number;
  /** First pause before a parked event is tried again; doubles up to ten minutes. One second by default. */
  readonly retryAfterMs?: number;
  /**
   * The handlers do nothing but write through their transaction. Then a chunk needs no savepoints: if one of its
   * handlers fails, the others of the chunk are run a second time, after all that they wrote was undone. False by default.
   */
  readonly pureHandlers?: boolean;
}

export interface Bus {
  /**
   * The publisher of this service's outbox. Put it among a module's providers (`{ provide: Sequencer, useValue }`):
   * it starts and stops with the application. Any number of replicas may run it; one of them leads.
   */
  sequencer(schema?: string): Sequencer;
  /** Drives the `@EventPattern` handlers of the application as consumer group `group`; see `connectConsumer`. */
  strategy(group: string, options?: StrategyOptions): CustomTransportStrategy;
}

export function createBus(config: BusConfig, platform: BusPlatform): Bus {
  checkBusConfig(platform.service, config);
  const { database, logger, metrics, health } = platform;
  const consumerMetrics = ConsumerMetrics.of(metrics);
  const kafka = config.EVENT_CARRIER === 'kafka' ? connectKafka(config, platform.service, logger) : undefined;
  return {
    sequencer: (schema = database.schema) =>
      new Sequencer({
        database,
        schema,
        logger,
        metrics,
        ...(kafka
          ? { carrier: new KafkaPublisher(kafka, logger) }
          : { carrier: 'postgres', retentionDays: config.EVENT_RETENTION_DAYS }),
      }),
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

/** Reads published events back, whatever the carrier. It connects when it is used. */
export const sourceOf = (config: BusConfig, database: Database, logger: Logger): EventSource =>
  config.EVENT_CARRIER === 'kafka'
    ? new KafkaSource(connectKafka(config, `${database.schema}:events`, logger))
    : new PostgresSource(database);
