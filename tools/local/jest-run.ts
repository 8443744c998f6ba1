/** Runs jest, then runs a few failed test files again, one at a time. */
import fs from 'node:fs';
import path from 'node:path';
import type { Closing } from './closing.js';
import { eventually } from './process.js';
import { bin } from './static-checks.js';
import { killRunning, runNode, say, seconds } from './test-output.js';
import {
  afterSecondTry,
  jestTally,
  worthASecondTry,
  type Failure,
  type JestReport,
  type Tally,
} from './test-report.js';
import { temporaryFolder } from './test-services.js';

const EXIT_LIMIT_MS = 20_000;
const FLAGS =
  '--experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning';

type Outcome = { readonly report: JestReport | undefined; readonly code: number };

export async function runJest(args: readonly string[], env: NodeJS.ProcessEnv, closing: Closing): Promise<Tally> {
  const began = Date.now();
  const first = await jestRun(args, env, closing);
  // There is no second try for named tests, because the developer wants to see each of their failures.
  const failures = args.length === 0 ? worthASecondTry(first.report) : [];
  const tally =
    failures.length === 0 || !first.report
      ? jestTally(first.report, first.code)
      : await secondTry(failures, first.report, env, closing);
  say(`${tally.failed === 0 ? 'ok  ' : 'FAIL'}  ${'tests'.padEnd(18)}${seconds(began)}`);
  return tally;
}

/**
 * Runs failed files again, one at a time. Two workers and a broker on two cores can delay a test too much. Alone, a
 * test fails again only if it has a real fault.
 */
async function secondTry(
  failures: readonly Failure[],
  first: JestReport,
  env: NodeJS.ProcessEnv,
  closing: Closing,
): Promise<Tally> {
  const files = [...new Set(failures.map((f) => f.file))];
  say(`\nRunning ${files.length} file(s) again, one at a time, because these tests failed:`);
  for (const { file, test, reason } of failures) say(`  ${path.relative('.', file)}: ${test}\n    ${reason}`);
  const { report, code } = await jestRun(['--runInBand', '--runTestsByPath', ...files], env, closing);
  const tally = afterSecondTry(first, report, code);
  if (tally.failed === 0) say(`UNSTABLE          ${failures.length} test(s) passed only on the second try; see above`);
  return tally;
}

async function jestRun(args: readonly string[], env: NodeJS.ProcessEnv, closing: Closing): Promise<Outcome> {
  const result = path.join(temporaryFolder('stackflow-jest-', closing), 'result.json');
  const jest = runNode(
    [...bin('jest', 'bin/jest.js'), '--json', `--outputFile=${result}`, ...args],
    { ...env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${FLAGS}`.trim() },
    true,
  );
  const stuck = endWhenStuck(result, jest);
  const { code } = await jest;
  await stuck;
  const report = fs.existsSync(result) ? (JSON.parse(fs.readFileSync(result, 'utf8')) as JestReport) : undefined;
  if (!report) say(`jest ended with code ${code} and without a report`);
  return { report, code };
}

/** Ends jest if a test leaves a connection open, so that the run still reports a result. */
async function endWhenStuck(result: string, jest: Promise<unknown>): Promise<void> {
  let ended = false;
  void jest.finally(() => (ended = true));
  await eventually(() => ended || fs.existsSync(result), Number.MAX_SAFE_INTEGER, 250);
  if (await eventually(() => ended, EXIT_LIMIT_MS, 100)) return;
  say(`jest did not end ${EXIT_LIMIT_MS / 1000} s after its last test, because a test leaves something open`);
  killRunning('SIGKILL');
}
