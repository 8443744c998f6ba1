/** The brake: the limit of losses of access at once, and the handling of the losses beyond this limit. */
export * from './brake.js';
export * from './held.js';
