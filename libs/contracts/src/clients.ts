/** Typed clients for callers that must start fast: importing this file loads neither decorators nor Nest. */
export * from './client.js';
export * from './identity.client.js';
export * from './offboarding.client.js';
export * from './exchange.client.js';
export * from './directory.client.js';
export * from './hub.client.js';
export * from './erasure.client.js';
export * from './events.client.js';
