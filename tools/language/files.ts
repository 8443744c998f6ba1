/** The files of the repository, and the parts of them that the rules and the sampler look at. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isProse, passagesOf, type Passage } from './passages.js';

/** They name the retired words in order to refuse them. */
const ABOUT_LANGUAGE = /^(tools\/language\/|test\/language\.spec\.ts$)/;

/** What git tracks, in the working tree; also new files that it does not ignore. */
export const trackedFiles = (): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], { encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '' && isProse(file) && !ABOUT_LANGUAGE.test(file));

export const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // deleted, and not committed yet
  }
};

export const passages = (files: readonly string[] = trackedFiles()): Passage[] =>
  files.flatMap((file) => [nameOf(file), ...passagesOf(file, read(file))]);

/** A file's name speaks as well. */
const nameOf = (file: string): Passage => ({ file, line: 1, kind: 'name', text: path.basename(file) });

/** Code of the product and its tools: no specs, and not the sandbox, which imitates others and may repeat their names. */
export const isProduct = (file: string): boolean =>
  /^(apps|libs|tools|examples)\/.*\.(ts|mjs)$/.test(file) &&
  !file.endsWith('.spec.ts') &&
  !file.startsWith('apps/sandbox/');
