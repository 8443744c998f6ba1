/**
 * The event backbone: outbox, sequencer, two carriers (Postgres log, Kafka), inbox with a version gate, parking.
 *
 * Guarantees: what is in the outbox when its transaction commits reaches every consumer group, in order per key, with
 * an exactly-once effect in the group's own database. A failing event blocks its own key only and is never dropped.
 */
export { EventAdminModule } from './admin/events.controller.js';
export { createBus, type Bus, type BusPlatform, type StrategyOptions } from './bus.js';
export * from './context.js';
export * from './incoming.js';
export * from './outbox.js';
export { PARTITIONS } from './record.js';
export { consumerTablesSql, eventLogSql, producerTablesSql } from './schema.sql.js';
export * from './sequencer.js';
export * from './settings.js';
export * from './subscriber.js';
export * from './follow.js';
