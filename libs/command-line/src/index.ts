/** Shared code of every command line. It imports only small modules, so that commands start fast. */
export * from './completion.js';
export * from './environment.js';
export * from './exit-codes.js';
export * from './frame.js';
export * from './inputs.js';
export * from './options.js';
export * from './program.js';
export * from './refusal.js';
export * from './screen.js';
export * from './table.js';
