/** Runs jest and counts its results. */
import fs from 'node:fs';
import path from 'node:path';
import type { Closing } from './closing.js';
import { eventually } from './process.js';
import { bin } from './static-checks.js';
import { runNode, say, seconds } from './test-output.js';
import { jestTally, slowest, type JestReport, type Tally } from './test-report.js';
import { temporaryFolder } from './test-services.js';

const EXIT_LIMIT_MS = 20_000;
export async function runJest(args: readonly string[], env: NodeJS.ProcessEnv, closing: Closing): Promise<Tally> {
  const began = Date.now();
  const result = path.join(temporaryFolder('stackflow-jest-', closing), 'result.json');
  const stuck = new AbortController();
  const jest = runNode(
    // The flag lets --runInBand work; jest.config.mjs gives it to the workers.
    ['--experimental-vm-modules', ...bin('jest', 'bin/jest.js'), '--json', `--outputFile=${result}`, ...args],
    { env, inherit: true, signal: stuck.signal },
  );
  const watched = endWhenStuck(result, jest, stuck);
  const { code } = await jest;
  await watched;
  const report = fs.existsSync(result) ? (JSON.parse(fs.readFileSync(result, 'utf8')) as JestReport) : undefined;
  if (!report) say(`jest ended with code ${code} and without a report`);
  if (report && args.length === 0) say(['The test files that took longest:', ...slowest(report)].join('\n'));
  const tally = jestTally(report, code);
  say(`${tally.failed === 0 ? 'ok  ' : 'FAIL'}  ${'tests'.padEnd(18)}${seconds(began)}`);
  return tally;
}

/** Ends jest if a test leaves a connection open, so that the run still reports a result. */
async function endWhenStuck(result: string, jest: Promise<unknown>, stuck: AbortController): Promise<void> {
  let ended = false;
  void jest.finally(() => (ended = true));
  await eventually(() => ended || fs.existsSync(result), Number.MAX_SAFE_INTEGER, 250);
  if (await eventually(() => ended, EXIT_LIMIT_MS, 100)) return;
  say(`jest did not end ${EXIT_LIMIT_MS / 1000} s after its last test, because a test leaves something open`);
  stuck.abort();
}
