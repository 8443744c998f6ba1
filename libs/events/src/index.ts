/** The public contract of StackFlow's identity events. It imports no other library of this repository. */
export * from './additive.js';
export * from './asyncapi.js';
export * from './catalog.js';
export * from './envelope.js';
export * from './json-schema.js';
export * from './samples.js';
