/** Counts the results of `npm test`. Every jest test and every other step counts as one. */
import path from 'node:path';

/** The part of the output of `jest --json` that is used here. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Number of test files that could not be loaded. Their tests are unknown, so each file counts as one failure. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    /** Milliseconds since 1970. */
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

const NOTHING: Tally = { passed: 0, failed: 0, skipped: [] };

/** Returns the result of one check that is not a jest test. */
export const stepTally = (ok: boolean): Tally => ({ ...NOTHING, passed: ok ? 1 : 0, failed: ok ? 0 : 1 });

export const add = (tallies: readonly Tally[]): Tally =>
  tallies.reduce(
    (sum, t) => ({
      passed: sum.passed + t.passed,
      failed: sum.failed + t.failed,
      skipped: [...sum.skipped, ...t.skipped],
    }),
    NOTHING,
  );

/**
 * Counts jest's results. The report is undefined if jest ended without one. A bad exit code without a failed test, e.g.
 * after an open handle, is also a failure.
 */
export function jestTally(report: JestReport | undefined, exitCode: number): Tally {
  if (!report) return stepTally(false);
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  const named = report.testResults.flatMap((file) =>
    file.assertionResults
      .filter((a) => a.status === 'pending' || a.status === 'todo')
      .map((a) => `${file.name}: ${a.fullName}`),
  );
  return { passed: report.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped: named };
}

const SHOWN = 10;

/** Returns a line for each of the ten test files that took longest, the longest first. */
export const slowest = ({ testResults }: JestReport): readonly string[] =>
  testResults
    .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1_000 }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, SHOWN)
    .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${path.relative('.', name)}`);

export const summaryLine = (tally: Tally): string =>
  `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`;
