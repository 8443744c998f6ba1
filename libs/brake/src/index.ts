/** The brake: a limit for losses of access within a window of time. Losses beyond the limit are held. */
export * from './brake.js';
export * from './held.js';
