/**
 * The event bus: outbox, sequencer, two carriers (Postgres log and Kafka), inbox with a version gate, parking.
 *
 * Guarantees: after its transaction has committed, an event in the outbox reaches every consumer group, in order per key.
 * Its effect in the group's own database happens exactly once. A failing event blocks its own key only, and is never
 * dropped.
 */
export { EventAdminModule } from './admin/events.controller.js';
export { createBus, postgresSequencer, type Bus, type BusPlatform, type StrategyOptions } from './bus.js';
export * from './consumer/context.js';
export * from './consumer/incoming.js';
export * from './follow.js';
export * from './producer/outbox.js';
export * from './producer/sequencer.js';
export { publishing } from './publishing.js';
export { PARTITIONS } from './record.js';
export { consumerTablesSql, eventLogSql, producerTablesSql } from './schema.sql.js';
export * from './settings.js';
export * from './subscriber.js';
