/** Counts the results of `npm test`. Every jest test and every other step counts as one. */

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
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
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

/** A failed test, and the first line of its message. */
export interface Failure {
  readonly file: string;
  readonly test: string;
  readonly reason: string;
}

/** If more files than this fail, the load of the machine is not the reason. */
const FEW_FILES = 3;
/** Messages of our own waits and of jest after a time limit. */
const PATIENCE_ENDED = /not within \d+ ms|Exceeded timeout of|not quiet:/;
/** The tests of the product's promises. A broken promise must be reported even if it happens once in a hundred runs. */
const PROMISE = /(^|\/)test\/faults\//;

/**
 * Returns the failures that get a second try, alone on the machine. An empty list means that the first result is final:
 * many files failed, a file could not be loaded, or a test of the promises failed for another reason than a wait that
 * ran out. The output must mention a second try.
 */
export function worthASecondTry(report: JestReport | undefined): readonly Failure[] {
  if (!report || report.numRuntimeErrorTestSuites > 0) return [];
  const failures = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter((a) => a.status === 'failed')
      .map((a) => ({ file: name, test: a.fullName, reason: (a.failureMessages?.[0] ?? '').split('\n')[0] ?? '' })),
  );
  const files = new Set(failures.map((f) => f.file));
  const broken = failures.some((f) => PROMISE.test(f.file) && !PATIENCE_ENDED.test(f.reason));
  return broken || files.size > FEW_FILES || failures.length !== report.numFailedTests ? [] : failures;
}

/** The sum after the second try: the first result of files without failures, and the second result of all others. */
export function afterSecondTry(first: JestReport, second: JestReport | undefined, exitCode: number): Tally {
  const again = new Set(worthASecondTry(first).map((f) => f.file));
  const passedInAgain = first.testResults
    .filter((f) => again.has(f.name))
    .flatMap((f) => f.assertionResults.filter((a) => a.status === 'passed')).length;
  const retried = jestTally(second, exitCode);
  const before = jestTally(first, 0);
  return {
    passed: before.passed - passedInAgain + retried.passed,
    failed: retried.failed,
    skipped: [...new Set([...before.skipped, ...retried.skipped])],
  };
}

export const summaryLine = (tally: Tally): string =>
  `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`;
