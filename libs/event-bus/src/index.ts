/**
 * The event bus: outbox, publisher, two carriers (Postgres log and Kafka), inbox and parked events.
 *
 * An event whose transaction has committed reaches every consumer group, in order per key. Its effect in the group's
 * own database happens exactly once. A failing event blocks only its own key, and is never dropped.
 */
export { EventAdminModule } from './admin/events.controller.js';
export { conflictOf, isKafkaOutage, provisionKafka, type KafkaUser } from './carriers/kafka/access.js';
export { createBus, postgresSequencer, type Bus, type BusPlatform, type StrategyOptions } from './bus.js';
export * from './consumer/context.js';
export * from './consumer/incoming.js';
export * from './follow.js';
export * from './producer/outbox.js';
export * from './producer/sequencer.js';
export { publishing } from './publishing.js';
export { PARTITIONS } from './record.js';
export { consumerTablesSql, eventLogSql, producerTablesSql, URGENT } from './schema.sql.js';
export * from './settings.js';
export * from './subscriber.js';
