/**
 * Draws comments and sentences at random and prints them numbered, so that somebody who has not seen the code can say
 * which ones they understood in one reading. The same seed draws the same passages from the same tree.
 *
 *     node dist/tools/language/sample.js --seed 7 --comments 70 --sentences 40
 */
import { parseArgs } from 'node:util';
import { passages, trackedFiles } from './files.js';
import type { Passage } from './passages.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    comments: { type: 'string', default: '70' },
    sentences: { type: 'string', default: '40' },
  },
});

/** The generator mulberry32, because Math.random takes no seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function draw<T>(from: readonly T[], count: number, random: () => number): T[] {
  const left = [...from];
  const drawn: T[] = [];
  while (drawn.length < count && left.length > 0) drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  return drawn;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
const words = (text: string): number => oneLine(text).split(' ').length;

/** Leaves out directives for tools, and comments of fewer than four words. */
const isComment = ({ kind, text }: Passage): boolean =>
  kind === 'comment' && words(text) >= 4 && !/^(oxlint|oxfmt|@ts-|swc)/.test(text);

/** Leaves out SQL, and text of fewer than five words. */
const isSentence = ({ kind, text }: Passage): boolean =>
  kind === 'string' &&
  words(text) >= 5 &&
  /[a-z]{3}/.test(text) &&
  !/^\s*(select|insert|update|delete|create|alter|with|drop|grant|revoke|set|from|where|lock|begin|do)\b/i.test(text) &&
  !/\b(select|returning|primary key)\b/i.test(text);

function print(title: string, drawn: readonly Passage[]): void {
  console.log(`\n${title}\n`);
  drawn.forEach(({ file, line, text }, at) => console.log(`${at + 1}. ${oneLine(text)}\n   ${file}:${line}`));
}

const code = trackedFiles().filter(
  (file) => /^(apps|libs|tools)\/.*\.(ts|tsx|mjs)$/.test(file) && !file.endsWith('.spec.ts'),
);
const all = passages(code);
const random = seeded(Number(values.seed));
print('Comments', draw(all.filter(isComment), Number(values.comments), random));
print('Sentences of logs, errors, commands and pages', draw(all.filter(isSentence), Number(values.sentences), random));
