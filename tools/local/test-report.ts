/** The count that `npm test` ends with: every jest test and every other step is one. */

/** The part that we need of what `jest --json` writes. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Files that could not even be loaded; their tests are unknown, so each counts as one failure. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

const NOTHING: Tally = { passed: 0, failed: 0, skipped: [] };

/** One check that is not a jest test. */
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

/** `undefined` = jest ended without a report. A bad exit code with no failed test (say, an open handle) is a failure too. */
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

export const summaryLine = (tally: Tally): string =>
  `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`;
