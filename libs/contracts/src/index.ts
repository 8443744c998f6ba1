/**
 * The internal HTTP APIs: DTO classes that check and document what travels, a typed client per service, and the closed
 * list of problem codes. It imports nothing of ours.
 */
export * from './clients.js';
export * from './common.js';
export * from './fields.js';
export * from './offboarding.js';
export * from './identity.js';
export * from './problem.js';
