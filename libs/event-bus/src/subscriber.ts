/**
 * The subscriber kit: another team writes one class with `@EventPattern` methods and gets deduplication, order, parking,
 * metrics, health checks, and an internal API for parked events.
 *
 *     @Controller()
 *     class Greeter {
 *       @EventPattern('identity.accounts')
 *       async changed(@Ctx() { event, tx }: EventContext): Promise<void> {
 *         await tx.query('insert into greeting ...', [event.subject]); // commits with the record that it was handled
 *       }
 *     }
 *     await runSubscriber({ name: 'greeter', summary: 'Greets new accounts.', schema: 'greeter', controllers: [Greeter] });
 *
 * It needs a Postgres role that owns `schema` and, on the Postgres carrier, may read the log: `followerGrantsSql(role)`.
 */
import {
  runService,
  serviceSettings,
  type ConfigOf,
  type ConfigShape,
  type PlatformContext,
  type ServiceDefinition,
} from '#platform';
import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { EventAdminModule } from './admin/events.controller.js';
import { createBus, type StrategyOptions } from './bus.js';
import { consumerTablesSql } from './schema.sql.js';
import { busSettings } from './settings.js';

export const subscriberSettings = { ...serviceSettings, ...busSettings };

/** The parts of a running subscriber: configuration, database, logger, metrics and health checks. */
export type SubscriberPlatform<S extends ConfigShape = NoSettings> = PlatformContext<
  ConfigOf<typeof subscriberSettings & S>
>;

// oxlint-disable-next-line typescript/no-empty-object-type -- no settings beside those of every subscriber
type NoSettings = {};

export interface SubscriberDefinition<S extends ConfigShape = NoSettings> extends StrategyOptions {
  /**
   * Name of the subscriber. It is also the consumer group unless `group` is set. Each event is handled by one process
   * of the group.
   */
  readonly name: string;
  readonly group?: string;
  /** One sentence for `--help`. */
  readonly summary: string;
  /** Postgres schema that the subscriber owns. It also contains the inbox, the offsets and the parked events. */
  readonly schema: string;
  /**
   * Classes with `@EventPattern('<topic>')` or `@EventPattern('<event type>')` methods, and the HTTP controllers of the
   * service, if it has any.
   */
  readonly controllers: readonly Type[];
  readonly providers?: readonly Provider[];
  /** Settings of the service itself, e.g. `guardSettings` of the access guard. */
  readonly settings?: S;
  /** Returns further Nest modules, e.g. the access guard. */
  readonly imports?: (platform: SubscriberPlatform<S>) => readonly (Type | DynamicModule)[];
  /** Migrations of the subscriber's own tables. */
  readonly migrations?: (new () => MigrationInterface)[];
}

/** Runs the subscriber until the process gets SIGTERM or SIGINT. `--help` lists its environment variables. */
export const runSubscriber = <S extends ConfigShape>(
  definition: SubscriberDefinition<S>,
  argv?: readonly string[],
): Promise<void> => runService(subscriberService(definition), argv);

/** Builds a service definition from a subscriber definition. */
export function subscriberService<S extends ConfigShape = NoSettings>(
  definition: SubscriberDefinition<S>,
): ServiceDefinition<typeof subscriberSettings & S> {
  @Module({})
  class SubscriberModule {}
  return {
    name: definition.name,
    summary: definition.summary,
    config: { ...subscriberSettings, ...definition.settings } as typeof subscriberSettings & S,
    database: {
      schema: definition.schema,
      migrations: [consumerTables(definition.schema), ...(definition.migrations ?? [])],
    },
    module: (platform) => ({
      module: SubscriberModule,
      imports: [EventAdminModule, ...(definition.imports?.(platform) ?? [])],
      controllers: [...definition.controllers],
      providers: [...(definition.providers ?? [])],
    }),
    strategies: (platform) => [
      createBus(platform.config, platform).strategy(definition.group ?? definition.name, definition),
    ],
  };
}

/** Creates the tables of the consumer before the migrations of the subscriber run. */
function consumerTables(schema: string): new () => MigrationInterface {
  return class ConsumerTables1000000000000 implements MigrationInterface {
    readonly name = 'ConsumerTables1000000000000';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(consumerTablesSql(schema));
    }

    down(): Promise<void> {
      return Promise.reject(new Error('the consumer tables record which events were handled; they are never dropped'));
    }
  };
}
