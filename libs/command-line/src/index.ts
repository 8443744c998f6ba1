/** The frame of every command line: parsing, `--json`, tables, exit codes. It loads nothing heavy, so commands start at once. */
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
