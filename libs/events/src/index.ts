/** The public contract of StackFlow's identity events. Imports nothing of ours. */
export * from './additive.js';
export * from './asyncapi.js';
export * from './catalog.js';
export * from './envelope.js';
export * from './json-schema.js';
export * from './samples.js';
