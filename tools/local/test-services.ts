/** Starts Kafka for the whole run of the tests, and installs the peers' packages, if this machine can. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Closing } from './closing.js';
import { kafkaObstacle, startKafka } from './kafka.js';
import { installPackages } from './packages.js';
import { LocalProblem } from './problem.js';
import { report, say, seconds } from './test-output.js';
import type { Tally } from './test-report.js';

export interface TestServices {
  readonly env: NodeJS.ProcessEnv;
  /** One failure for each required part that is missing. */
  readonly missing: readonly Tally[];
}

const isRequired = (part: 'KAFKA' | 'PEERS'): boolean => process.env[`REQUIRE_${part}`] === '1';

/** `args` are the arguments of jest. Named tests need no Kafka, and they need the peers only if they name them. */
export async function startTestServices(args: readonly string[], closing: Closing): Promise<TestServices> {
  const missing: Tally[] = [];
  const whole = args.length === 0;
  const withPeers = whole || isRequired('PEERS') || args.some((argument) => argument.includes('peers'));
  const [brokers] = await Promise.all([
    whole || isRequired('KAFKA') ? kafka(missing, closing) : process.env.KAFKA_BROKERS,
    withPeers && peers(missing),
  ]);
  return { env: { ...(brokers && { KAFKA_BROKERS: brokers }) }, missing };
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
