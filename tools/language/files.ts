import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isProse, passagesOf, type Passage } from './passages.js';

/** These files contain the retired words, because they define and test the rule. */
const ABOUT_LANGUAGE = /^(tools\/language\/|test\/language\.spec\.ts$)/;

/** Files of the working tree, also new ones, except those that git ignores. */
export const trackedFiles = (): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], { encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '' && isProse(file) && !ABOUT_LANGUAGE.test(file));

export const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // The file is deleted, but git still lists it.
  }
};

export const passages = (files: readonly string[] = trackedFiles()): Passage[] =>
  files.flatMap((file) => [nameOf(file), ...passagesOf(file, read(file))]);

/** The rules also apply to the names of files. */
const nameOf = (file: string): Passage => ({ file, line: 1, kind: 'name', text: path.basename(file) });

/** Code of the product and its tools, without specs. The sandbox may repeat class names of the product. */
export const isProduct = (file: string): boolean =>
  /^(apps|libs|packages|tools|examples)\/.*\.(ts|mjs)$/.test(file) &&
  !file.endsWith('.spec.ts') &&
  !file.startsWith('apps/sandbox/');
