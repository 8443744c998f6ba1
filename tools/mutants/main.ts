/**
 * Changes the code on purpose, in small ways, and runs the tests that should notice. Stryker changes TypeScript. It cannot
 * change SQL, so `--planted` plants the bugs that are listed in planted-bugs.ts.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Closing } from '../local/closing.js';
import { installPackages } from '../local/packages.js';
import { LocalProblem } from '../local/problem.js';
import { startTestPostgres } from '../local/test-postgres.js';
import { killRunning, say } from '../local/test-output.js';
import { changedSince, mutate, piecesOf, stopMutating } from './mutate.js';
import { plantBugs } from './plant-bugs.js';

const HELP = `npm run mutants -- [options] <files, folders or globs>

  npm run mutants -- --since main                  what differs from a branch or commit, new files only after "git add"
  npm run mutants -- libs/scim/src/filter.ts       one file; lines with ":10-40"
  npm run mutants -- --planted                     the listed bugs, each with the test that must fail
  npm run mutants -- --planted gate                those whose description or file contains a text

  --minutes <n>       ends Stryker after this time and fails (default 10)
  --concurrency <n>   mutants at the same time (default 2)
  --specs <glob>      only these specs, which are faster (repeatable)
  --static            also code that runs when a module is loaded; slow, because every test runs for each mutant

The specs are those of the same app or library, and those that mutate.ts adds. Reports are in .cache/mutants.`;

const closing = new Closing(say);

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      planted: { type: 'boolean' },
      since: { type: 'string' },
      minutes: { type: 'string', default: '10' },
      concurrency: { type: 'string', default: '2' },
      static: { type: 'boolean', default: false },
      specs: { type: 'string', multiple: true, default: [] },
    },
  });
  const wanted = values.since === undefined ? positionals : [...positionals, ...(await changedSince(values.since))];
  if (values.help || (wanted.length === 0 && !values.planted && values.since === undefined)) {
    say(HELP);
    return true;
  }
  const postgres = await startTestPostgres();
  closing.add(() => postgres.stop());
  const env = { TEST_DATABASE_URL: process.env.TEST_DATABASE_URL ?? postgres.url };
  if (values.planted) return plantBugs(positionals, env);
  const pieces = piecesOf(wanted.map((file) => path.posix.normalize(file)));
  if (pieces.length === 0) {
    say('Nothing to mutate: only code below apps/*/src and libs/*/src is mutated, without its specs.');
    return true;
  }
  await installPackages('tools/mutants', say);
  const limits = {
    minutes: number(values.minutes),
    concurrency: number(values.concurrency),
    static: values.static,
    specs: values.specs,
  };
  let ok = true;
  for (const piece of pieces) ok = (await mutate(piece, limits, env)) && ok;
  return ok;
}

function number(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new LocalProblem(`"${text}" is not a positive number`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    killRunning('SIGTERM');
    stopMutating();
    void closing.close().finally(() => process.exit(130));
  });

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  say(error instanceof LocalProblem ? error.message : String((error as Error).stack));
  process.exitCode = 1;
} finally {
  await closing.close();
}
