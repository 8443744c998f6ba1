/** The public contract of StackFlow's identity events. Imports nothing of ours. */
export * from './catalog.js';
export * from './envelope.js';
