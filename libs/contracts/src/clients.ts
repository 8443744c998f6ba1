/** The typed clients alone, for callers that must start at once: importing this loads no decorator and no Nest. */
export * from './client.js';
export * from './identity.client.js';
export * from './offboarding.client.js';
export * from './exchange.client.js';
export * from './directory.client.js';
export * from './hub.client.js';
export * from './events.client.js';
