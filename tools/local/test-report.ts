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

/** A test that failed, and the first line of what it said. */
export interface Failure {
  readonly file: string;
  readonly test: string;
  readonly reason: string;
}

/** More failing files than this are no accident of a busy machine. */
const FEW_FILES = 3;
/** What our own waits and jest say when their time is over. */
const PATIENCE_ENDED = /not within \d+ ms|Exceeded timeout of|not quiet:/;
/** Tests of the promises: a broken one is news even if it happens once in a hundred runs. */
const PROMISE = /(^|\/)test\/faults\//;

/**
 * The failures of a run that deserve a second try, alone on the machine: a few files, each loaded, and for tests of the
 * promises only where a wait ran out. Empty = the result stands. Whoever tries again says so in the output.
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

/** The sum after the files with failures ran again: what passed in the first run and the second run's view of the rest. */
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
