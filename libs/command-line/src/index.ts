/** The frame of every command line: parsing, `--json`, tables, exit codes. It loads nothing heavy, so commands start at once. */
export * from './exit-codes.js';
