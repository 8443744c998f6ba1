/** Background work of a service: a loop, a lease that follows the life of its process, and a queue of leased rows. */
export * from './loop.js';
export * from './queue-worker.js';
export * from './worker-lease.js';
