/**
 * Subscribe to StackFlow's identity events. A subscriber is one Nest class with `@EventPattern` methods. The package
 * delivers each event once and in order, retries and parks failed events, and serves health checks, metrics and an
 * internal API for parked events.
 */
export {
  EventContext,
  PoisonEvent,
  runSubscriber,
  subscriberSettings,
  type SubscriberDefinition,
  type SubscriberPlatform,
} from '#event-bus';
export {
  topicOf,
  topics,
  type Access,
  type Account,
  type DirectoryGroup,
  type DirectoryUser,
  type EventData,
  type EventEnvelope,
  type EventType,
  type OffboardingCase,
  type RoleMapping,
  type TenantSettings,
  type Topic,
} from '#events';
export {
  CONFIG,
  Database,
  Health,
  LOGGER,
  Metrics,
  choice,
  flag,
  integer,
  list,
  optionalText,
  optionalUrl,
  secret,
  text,
  Tx,
  url,
  type ConfigOf,
  type ConfigShape,
  type Logger,
  type Setting,
} from '#platform';
export type { MigrationInterface, QueryRunner } from 'typeorm';
