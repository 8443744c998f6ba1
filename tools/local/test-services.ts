/** Starts Postgres for the tests, and finds Kafka, a browser and the peers' packages if this machine has them. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { findChromium } from './chromium.js';
import type { Closing } from './closing.js';
import { ROOT } from './folder.js';
import { kafkaObstacle, startKafka } from './kafka.js';
import { installPackages } from './packages.js';
import { startPostgres, type LocalPostgres } from './postgres.js';
import { LocalProblem } from './problem.js';
import { report, say, seconds } from './test-output.js';
import type { Tally } from './test-report.js';

export interface TestServices {
  readonly env: NodeJS.ProcessEnv;
  /** One failure for each required part that is missing. */
  readonly missing: readonly Tally[];
}

const isRequired = (part: 'KAFKA' | 'BROWSER' | 'PEERS'): boolean => process.env[`REQUIRE_${part}`] === '1';

/** `args` are the arguments of jest. Named tests need no Kafka, and they need the peers only if they name them. */
export async function startTestServices(args: readonly string[], closing: Closing): Promise<TestServices> {
  const missing: Tally[] = [];
  const whole = args.length === 0;
  const withPeers = whole || isRequired('PEERS') || args.some((argument) => argument.includes('peers'));
  const [database, brokers] = await Promise.all([
    testDatabase(closing),
    whole || isRequired('KAFKA') ? kafka(missing, closing) : process.env.KAFKA_BROKERS,
    withPeers && peers(missing),
  ]);
  const chromium = findChromium();
  if (!chromium && isRequired('BROWSER') && fs.existsSync(path.join(ROOT, 'test', 'browser')))
    missing.push(report('browser: none found (REQUIRE_BROWSER=1)', false, Date.now()));
  return {
    env: {
      TEST_DATABASE_URL: database,
      ...(brokers && { KAFKA_BROKERS: brokers }),
      ...(chromium && { CHROMIUM: chromium }),
    },
    missing,
  };
}

/** Settings without durability. The test data is worthless after a run, so it need not survive a power cut. */
const FAST = { fsync: 'off', full_page_writes: 'off', max_connections: '300' };

async function testDatabase(closing: Closing): Promise<string> {
  if (process.env.TEST_DATABASE_URL) return process.env.TEST_DATABASE_URL;
  const began = Date.now();
  const server = await startTestPostgres(closing);
  closing.add(() => server.stop());
  await dropLeftovers(server.url);
  say(`      embedded Postgres ${seconds(began)}`);
  return server.url;
}

/** Keeps the cluster between runs: creating one takes 1 s, starting one 0.1 s. A concurrent run creates its own. */
async function startTestPostgres(closing: Closing): Promise<LocalPostgres> {
  const options = { password: 'test-only', settings: FAST };
  try {
    return await startPostgres({ ...options, folder: path.join(ROOT, '.cache', 'test-postgres') });
  } catch (error) {
    if (!(error instanceof LocalProblem)) throw error;
    const folder = temporaryFolder('stackflow-test-', closing);
    fs.chmodSync(folder, 0o755);
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

async function kafka(missing: Tally[], closing: Closing): Promise<string | undefined> {
  if (process.env.KAFKA_BROKERS) return process.env.KAFKA_BROKERS;
  const began = Date.now();
  try {
    const obstacle = await kafkaObstacle();
    if (obstacle) throw new LocalProblem(obstacle);
    const broker = await startKafka({ folder: temporaryFolder('stackflow-kafka-', closing), log: say });
    closing.add(() => broker.stop());
    say(`      Kafka ${seconds(began)}`);
    return broker.brokers;
  } catch (error) {
    const reason = (error as Error).message;
    if (isRequired('KAFKA')) missing.push(report(`Kafka (REQUIRE_KAFKA=1): ${reason}`, false, began));
    else say(`      Kafka is missing, so its tests are skipped: ${reason}`);
    return undefined;
  }
}

/** Installs the peers. If they cannot be installed, for example offline, only their tests are skipped. */
async function peers(missing: Tally[]): Promise<void> {
  const began = Date.now();
  try {
    await installPackages('test/peers', say);
  } catch (error) {
    const reason = (error as Error).message;
    if (isRequired('PEERS')) missing.push(report(`test/peers (REQUIRE_PEERS=1): ${reason}`, false, began));
    else say(`      test/peers cannot be installed, so its tests against cognito-local are skipped: ${reason}`);
  }
}

/** Creates a folder that is removed at the end. */
export function temporaryFolder(prefix: string, closing: Closing): string {
  const folder = fs.mkdtempSync(path.join(tmpdir(), prefix));
  closing.add(async () => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}
