/**
 * The brake: the limit for losses of access within a window of time, and what happens with the losses beyond this
 * limit.
 */
export * from './brake.js';
export * from './held.js';
