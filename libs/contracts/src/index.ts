/**
 * The internal HTTP APIs: DTO classes, typed clients and problem codes. Imports no other library of this repository.
 */
export * from './audit.js';
export * from './callers.js';
export * from './clients.js';
export * from './common.js';
export * from './exchange.js';
export * from './directory.js';
export * from './erasure.js';
export * from './events.js';
export * from './fields.js';
export * from './identity.js';
export * from './offboarding.js';
export * from './hub.js';
export * from './problem.js';
