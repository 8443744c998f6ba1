export * from './erasure.js';
/** Background work of a service: a loop, a lease for the rows of a process, and a worker on a queue of leased rows. */
export * from './loop.js';
export * from './queue-worker.js';
export * from './turns.sql.js';
export * from './worker-lease.js';
export * from './tenant-erasure.controller.js';
export * from './tenant-erasure.js';
export * from './tenant-erasure.sql.js';
