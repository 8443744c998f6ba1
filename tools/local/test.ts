/**
 * `npm test` runs the static checks and jest at the same time. With arguments it runs only jest, with these arguments
 * (`npm test -- libs/scim`). With `--static` it runs only the static checks (`npm run lint`).
 */
import { constants } from 'node:os';
import path from 'node:path';
import { Closing } from './closing.js';
import { runJest } from './jest-run.js';
import { installPackages } from './packages.js';
import { LocalProblem } from './problem.js';
import { STATIC_CHECKS } from './static-checks.js';
import { killRunning, report, runNode, say } from './test-output.js';
import { add, summaryLine, type Tally } from './test-report.js';
import { startTestServices } from './test-services.js';

const HELP = `npm test [-- <jest arguments>]

Without arguments: oxfmt, oxlint (types too), dependency rule, then every test. With arguments: only jest, e.g.
  npm test -- libs/scim            tests below a folder
  npm test -- -t 'rename'          tests by name

With arguments no Kafka is started unless REQUIRE_KAFKA=1, and test/peers is installed only if they name it.

"npx jest <arguments>" does the same, and so does the button of an editor.

Environment: TEST_DATABASE_URL (a Postgres superuser; else jest starts an embedded Postgres when a test needs one),
KAFKA_BROKERS (else a broker is started if the machine has Java and Maven), CHROMIUM (path of a browser). Tests are
skipped if their part is missing; REQUIRE_KAFKA=1, REQUIRE_BROWSER=1, REQUIRE_PEERS=1 (the packages of test/peers) and
REQUIRE_OKTA_CASES=1 (Okta's recorded requests, in ../shared) let the run fail instead.`;

const closing = new Closing(say);

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    say(HELP);
    return 0;
  }
  const sum = add(await run(args));
  for (const name of sum.skipped) say(`skipped: ${path.relative('.', name)}`);
  say(summaryLine(sum));
  return sum.failed === 0 ? 0 : 1;
}

async function run(args: readonly string[]): Promise<readonly Tally[]> {
  if (args.length > 0 && args[0] !== '--static') return tests(args);
  await installPackages('infra', say);
  if (args.length > 0) return staticChecks();
  return (await Promise.all([staticChecks(constants.priority.PRIORITY_LOW), tests(args)])).flat();
}

async function tests(args: readonly string[]): Promise<readonly Tally[]> {
  const { env, missing } = await startTestServices(args, closing);
  return [...missing, await runJest(args, env, closing)];
}

/** With a low priority, the checks use the time in which tests wait, and do not slow the tests down. */
const staticChecks = (priority?: number): Promise<readonly Tally[]> =>
  Promise.all(
    STATIC_CHECKS.map(async ({ name, args }) => {
      const began = Date.now();
      const { code, output } = await runNode(args, { ...(priority !== undefined && { priority }) });
      if (code !== 0) say(output);
      return report(name, code === 0, began);
    }),
  );

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killRunning('SIGTERM');
    void closing.close().finally(() => process.exit(130));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof LocalProblem ? error.message : String((error as Error).stack));
  process.exitCode = 1;
} finally {
  await closing.close();
}
