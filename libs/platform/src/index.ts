/** Shared code of every service: configuration, database, logging, health, metrics, tracing and HTTP. */
export * from './config.js';
export * from './consumers.js';
export * from './context.js';
export * from './database.js';
export * from './entities.js';
export * from './health.js';
export * from './internal-api.js';
export * from './logging.js';
export * from './metrics.js';
export * from './no-access-token.js';
export * from './pages.js';
export * from './problem.js';
export * from './provision.js';
export * from './rate-limit.js';
export * from './service.js';
export * from './tracing.js';
export * from './waiter.js';
