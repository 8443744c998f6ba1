/** The brake: how many may lose access at once, and what happens to the losses beyond that. */
export * from './brake.js';
export * from './held.js';
