/**
 * `npm test`: static checks while Postgres and Kafka start, then jest on both. With arguments only jest runs, and gets
 * them (`npm test -- libs/scim`); with `--static` only the static checks run (`npm run lint`).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { findChromium } from './chromium.js';
import { ROOT } from './folder.js';
import { kafkaObstacle, startKafka } from './kafka.js';
import { installPackages } from './packages.js';
import { startPostgres, type LocalPostgres } from './postgres.js';
import { LocalProblem } from './problem.js';
import { eventually, followLines } from './process.js';
import { bin, STATIC_CHECKS } from './static-checks.js';
import {
  add,
  afterSecondTry,
  jestTally,
  stepTally,
  summaryLine,
  worthASecondTry,
  type Failure,
  type JestReport,
  type Tally,
} from './test-report.js';

const HELP = `npm test [-- <jest arguments>]

Without arguments: prettier, eslint, dependency rule, type check, then every test. With arguments: only jest, e.g.
  npm test -- libs/scim            tests below a folder
  npm test -- -t 'rename'          tests by name

In the whole run, up to three files with failures get a second try alone, which the output says (a wrong result of
test/faults does not).

With arguments no Kafka is started unless REQUIRE_KAFKA=1, and test/peers is installed only if they name it.

Environment: TEST_DATABASE_URL (a Postgres superuser; else an embedded one is started), KAFKA_BROKERS (else a broker is
started where Java and Maven are), CHROMIUM (path), REQUIRE_KAFKA=1, REQUIRE_BROWSER=1 and REQUIRE_PEERS=1 (a missing one
is a failure; peers are what test/peers/package.json names).`;

const running = new Set<ChildProcess>();
const closing: (() => Promise<void>)[] = [];
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seconds = (began: number): string => `${((Date.now() - began) / 1000).toFixed(1)} s`;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    say(HELP);
    return 0;
  }
  const onlyStatic = args[0] === '--static';
  const tallies: Tally[] = [];
  if (onlyStatic || args.length === 0) await installPackages('infra', say);
  const services = onlyStatic ? undefined : startServices(args);
  services?.catch(() => undefined); // reported below, after the static checks
  if (onlyStatic || args.length === 0) tallies.push(...(await staticChecks()));
  if (services) {
    const { env, missing } = await services;
    tallies.push(...missing, await runJest(args, env));
  }
  const sum = add(tallies);
  for (const name of sum.skipped) say(`skipped: ${path.relative('.', name)}`);
  say(summaryLine(sum));
  return sum.failed === 0 ? 0 : 1;
}

/** Two at a time: there are two cores, and eslint takes as long as the others together. */
async function staticChecks(): Promise<Tally[]> {
  const waiting = [...STATIC_CHECKS];
  const tallies: Tally[] = [];
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step; step = waiting.shift())
      tallies.push(await staticCheck(step.name, step.args));
  };
  await Promise.all([worker(), worker()]);
  return tallies;
}

async function staticCheck(name: string, args: readonly string[]): Promise<Tally> {
  const began = Date.now();
  const { code, output } = await run(args, {});
  if (code !== 0) say(output);
  return report(name, code === 0, began);
}

function report(name: string, ok: boolean, began: number): Tally {
  say(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(18)}${seconds(began)}`);
  return stepTally(ok);
}

async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  inherit = false,
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const { last } = followLines(child, undefined, 500);
  const code = await new Promise<number>((resolve, reject) =>
    child.once('error', reject).once('close', (c) => resolve(c ?? 1)),
  );
  running.delete(child);
  return { code, output: last.join('\n') };
}

// ---- what the tests need ------------------------------------------------------------------------------------------

interface Services {
  readonly env: NodeJS.ProcessEnv;
  /** A failure for each thing that was required and is not there. */
  readonly missing: Tally[];
}

async function startServices(args: readonly string[]): Promise<Services> {
  const missing: Tally[] = [];
  const whole = args.length === 0;
  const withKafka = whole || process.env.REQUIRE_KAFKA === '1';
  const withPeers = whole || process.env.REQUIRE_PEERS === '1' || args.some((argument) => argument.includes('peers'));
  const [database, brokers] = await Promise.all([
    testDatabase(),
    withKafka ? kafka(missing) : process.env.KAFKA_BROKERS,
    withPeers && peers(missing),
  ]);
  const chromium = findChromium();
  const hasBrowserTests = fs.existsSync(path.join(ROOT, 'test', 'browser'));
  if (!chromium && hasBrowserTests && process.env.REQUIRE_BROWSER === '1') {
    missing.push(report('browser: none found (REQUIRE_BROWSER=1)', false, Date.now()));
  }
  return {
    env: {
      TEST_DATABASE_URL: database,
      ...(brokers && { KAFKA_BROKERS: brokers }),
      ...(chromium && { CHROMIUM: chromium }),
    },
    missing,
  };
}

/** Nothing in it outlives a run, so it need not survive a power cut. */
const FAST = { fsync: 'off', full_page_writes: 'off', max_connections: '300' };

async function testDatabase(): Promise<string> {
  if (process.env.TEST_DATABASE_URL) return process.env.TEST_DATABASE_URL;
  const began = Date.now();
  const server = await startTestPostgres();
  closing.push(() => server.stop());
  await dropLeftovers(server.url);
  say(`      embedded Postgres ${seconds(began)}`);
  return server.url;
}

/** The cluster is kept between runs: starting it takes 0.1 s, creating one 1 s. A second run at the same time makes its own. */
async function startTestPostgres(): Promise<LocalPostgres> {
  const options = { password: 'test-only', settings: FAST };
  try {
    return await startPostgres({ ...options, folder: path.join(ROOT, '.cache', 'test-postgres') });
  } catch (error) {
    if (!(error instanceof LocalProblem)) throw error;
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-test-'));
    fs.chmodSync(folder, 0o755);
    closing.push(async () => fs.rmSync(folder, { recursive: true, force: true }));
    return startPostgres({ ...options, folder });
  }
}

async function dropLeftovers(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    `select datname from pg_database where datname ~ '^(t|stack)_'`,
  );
  for (const { datname } of rows) await client.query(`drop database ${client.escapeIdentifier(datname)} with (force)`);
  await client.end();
}

async function kafka(missing: Tally[]): Promise<string | undefined> {
  if (process.env.KAFKA_BROKERS) return process.env.KAFKA_BROKERS;
  const began = Date.now();
  const obstacle = await kafkaObstacle();
  try {
    if (obstacle) throw new LocalProblem(obstacle);
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-kafka-'));
    closing.push(async () => fs.rmSync(folder, { recursive: true, force: true }));
    const broker = await startKafka({ folder, log: say });
    closing.push(() => broker.stop());
    say(`      Kafka ${seconds(began)}`);
    return broker.brokers;
  } catch (error) {
    if (process.env.REQUIRE_KAFKA === '1')
      missing.push(report(`Kafka (REQUIRE_KAFKA=1): ${(error as Error).message}`, false, began));
    else say(`      no Kafka, its tests are skipped: ${(error as Error).message}`);
    return undefined;
  }
}

/** Without them (offline, say) only their tests are skipped. */
async function peers(missing: Tally[]): Promise<void> {
  const began = Date.now();
  try {
    await installPackages('test/peers', say);
  } catch (error) {
    const reason = (error as Error).message;
    if (process.env.REQUIRE_PEERS === '1')
      missing.push(report(`test/peers (REQUIRE_PEERS=1): ${reason}`, false, began));
    else say(`      test/peers cannot be installed, its tests against cognito-local are skipped: ${reason}`);
  }
}

// ---- jest ---------------------------------------------------------------------------------------------------------

const EXIT_PATIENCE_MS = 20_000;

async function runJest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Tally> {
  const began = Date.now();
  const first = await jestRun(args, env);
  // Whoever names tests wants to see each failure of theirs.
  const failures = args.length === 0 ? worthASecondTry(first.report) : [];
  const tally =
    failures.length === 0 || !first.report
      ? jestTally(first.report, first.code)
      : await secondTry(failures, first.report, env);
  say(`${tally.failed === 0 ? 'ok  ' : 'FAIL'}  ${'tests'.padEnd(18)}${seconds(began)}`);
  return tally;
}

/** Two workers and a broker on two cores can starve a test; alone only what is really wrong remains. */
async function secondTry(failures: readonly Failure[], first: JestReport, env: NodeJS.ProcessEnv): Promise<Tally> {
  const files = [...new Set(failures.map((f) => f.file))];
  say(`\nsecond try of ${files.length} file(s), one at a time, because of:`);
  for (const { file, test, reason } of failures) say(`  ${path.relative('.', file)}: ${test}\n    ${reason}`);
  const { report, code } = await jestRun(['--runInBand', '--runTestsByPath', ...files], env);
  const tally = afterSecondTry(first, report, code);
  if (tally.failed === 0) say(`UNSTABLE          ${failures.length} test(s) passed on the second try only, see above`);
  return tally;
}

async function jestRun(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ report: JestReport | undefined; code: number }> {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-jest-'));
  closing.push(async () => fs.rmSync(folder, { recursive: true, force: true }));
  const result = path.join(folder, 'result.json');
  const nodeOptions =
    `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning`.trim();
  const jest = run(
    [...bin('jest', 'bin/jest.js'), '--json', `--outputFile=${result}`, ...args],
    { ...env, NODE_OPTIONS: nodeOptions },
    true,
  );
  const stuck = endWhenStuck(result, jest);
  const { code } = await jest;
  await stuck;
  const report = fs.existsSync(result) ? (JSON.parse(fs.readFileSync(result, 'utf8')) as JestReport) : undefined;
  if (!report) say(`jest ended with code ${code} and without a report`);
  return { report, code };
}

/** A test that leaves a connection open keeps jest from ending; waiting for ever would hide which run it was. */
async function endWhenStuck(result: string, jest: Promise<unknown>): Promise<void> {
  let ended = false;
  void jest.finally(() => (ended = true));
  await eventually(() => ended || fs.existsSync(result), Number.MAX_SAFE_INTEGER, 250);
  if (await eventually(() => ended, EXIT_PATIENCE_MS, 100)) return;
  say(`jest did not end ${EXIT_PATIENCE_MS / 1000} s after its last test: a test leaves something open`);
  for (const child of running) child.kill('SIGKILL');
}

// ---- end ----------------------------------------------------------------------------------------------------------

async function close(): Promise<void> {
  for (let step = closing.pop(); step; step = closing.pop()) await step().catch((error: unknown) => say(String(error)));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill('SIGTERM');
    void close().finally(() => process.exit(130));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof LocalProblem ? error.message : String((error as Error).stack));
  process.exitCode = 1;
} finally {
  await close();
}
