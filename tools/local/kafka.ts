/**
 * Starts a real Kafka broker without containers, for tests and for `EVENT_CARRIER=kafka npm start`. Downloads the jars
 * from Maven Central once, then runs a single node (broker and controller) on Java.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './folder.js';
import { owningFolder } from './lock.js';
import { freePort } from './ports.js';
import { LocalProblem } from './problem.js';
import {
  endedWell,
  endProcess,
  eventually,
  followLines,
  isAlive,
  localServer,
  processIdentity,
  type LocalServer,
} from './process.js';

const KAFKA_VERSION = '4.1.1';
const OLDEST_JAVA = 17;
const START_LIMIT_MS = 60_000;
const SHUTDOWN = [
  ['SIGTERM', 15_000],
  ['SIGKILL', 5_000],
] as const;

export interface LocalKafka extends LocalServer {
  readonly brokers: string;
}

export interface KafkaOptions {
  /** Folder of the topics, which survive a restart. */
  readonly folder: string;
  readonly port?: number;
  readonly log?: (text: string) => void;
}

/** Returns the reason why this machine cannot start a broker, or undefined if it can. */
export async function kafkaObstacle(): Promise<string | undefined> {
  const java = await output('java', ['-version']);
  if (java === undefined) return `Java ${OLDEST_JAVA} or newer is not installed`;
  const version = Number(/version "(\d+)/.exec(java)?.[1] ?? 0);
  if (version < OLDEST_JAVA) return `Java has version ${version}, but Kafka needs ${OLDEST_JAVA} or newer`;
  if (fs.existsSync(jarFolder()) || (await output('mvn', ['--version'])) !== undefined) return undefined;
  return 'Maven is not installed (it downloads Kafka from Maven Central)';
}

async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args);
    return stdout + stderr;
  } catch {
    return undefined;
  }
}

export async function startKafka(options: KafkaOptions): Promise<LocalKafka> {
  const log = options.log ?? (() => undefined);
  const obstacle = await kafkaObstacle();
  if (obstacle)
    throw new LocalProblem(
      `Cannot start Kafka: ${obstacle}. Install what is missing, name a broker in KAFKA_BROKERS, or use EVENT_CARRIER=postgres.`,
    );
  const jars = await fetchJars(log);
  fs.mkdirSync(options.folder, { recursive: true });
  const refusal = (pid: number): string => `Process ${pid} already runs Kafka in ${options.folder}.`;
  return owningFolder(options.folder, refusal, async (release) => {
    await endPredecessor(options.folder);
    const { port, config } = await configure(options.folder, options.port);
    if (!fs.existsSync(path.join(options.folder, 'topics', 'meta.properties')))
      await format(jars, config, options.folder);
    return launch(jars, config, port, options.folder, release);
  });
}

/** Returns a folder in the checkout, or a folder in the user's cache folder if the checkout is read-only. */
function cacheFolder(): string {
  const inside = path.join(ROOT, '.cache');
  try {
    fs.mkdirSync(inside, { recursive: true });
    fs.accessSync(inside, fs.constants.W_OK);
    return inside;
  } catch {
    return path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'stackflow');
  }
}

const jarFolder = (): string => path.join(cacheFolder(), `kafka-${KAFKA_VERSION}`);

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/** Downloads into a temporary folder and renames it at the end, so that no start uses an incomplete download. */
async function fetchJars(log: (text: string) => void): Promise<string> {
  const target = jarFolder();
  if (fs.existsSync(target)) return target;
  log(`Downloading Kafka ${KAFKA_VERSION} from Maven Central (43 MB, only once)`);
  const draft = `${target}.${process.pid}`;
  fs.mkdirSync(draft, { recursive: true });
  fs.writeFileSync(path.join(draft, 'pom.xml'), POM);
  try {
    await runToEnd('mvn', [
      '-q',
      '-B',
      '-f',
      path.join(draft, 'pom.xml'),
      'dependency:copy-dependencies',
      `-DoutputDirectory=${draft}`,
    ]);
    fs.renameSync(draft, target);
  } catch (error) {
    if (!fs.existsSync(target)) throw error; // If the folder exists, another start was faster.
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

const runToEnd = (program: string, args: readonly string[], cwd?: string): Promise<void> =>
  endedWell(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd }), [program, ...args].join(' '));

async function configure(folder: string, wantedPort: number | undefined): Promise<{ port: number; config: string }> {
  const port = await freePort(wantedPort);
  let controller = await freePort();
  while (controller === port) controller = await freePort();
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': path.join(folder, 'topics').replaceAll('\\', '/'),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
  };
  const config = path.join(folder, 'server.properties');
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  fs.writeFileSync(config, lines.join(''));
  return { port, config };
}

async function format(jars: string, config: string, folder: string): Promise<void> {
  // The tool would read an id that begins with "-" as an option.
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  await runToEnd(
    'java',
    ['-cp', path.join(jars, '*'), 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config],
    folder,
  );
}

/** Ends the broker of a launcher that was killed, because a second broker could not use the same folder. */
export async function endPredecessor(folder: string): Promise<void> {
  const note = path.join(folder, 'broker.json');
  if (!fs.existsSync(note)) return;
  const { pid, identity } = JSON.parse(fs.readFileSync(note, 'utf8')) as { pid: number; identity: string };
  if (isAlive(pid) && processIdentity(pid) === identity) await endProcess(pid, SHUTDOWN);
  fs.rmSync(note, { force: true });
}

async function launch(
  jars: string,
  config: string,
  port: number,
  folder: string,
  release: () => void,
): Promise<LocalKafka> {
  const java = [
    '-Xmx512m',
    // The JVM's optimizing compiler is off. A local broker runs only briefly, and the compiler would use a tenth of the
    // processor time of two cores during the first minutes.
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info', // This logger reports that the broker is ready.
    '-cp',
    path.join(jars, '*'),
    'kafka.Kafka',
    config,
  ];
  const broker = spawn('java', java, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, cwd: folder });
  let started = false;
  const { last } = followLines(broker, (line) => (started ||= line.includes('Kafka Server started')));
  const gone = (): boolean => broker.exitCode !== null || broker.signalCode !== null || broker.pid === undefined;
  const pid = broker.pid ?? 0;
  fs.writeFileSync(path.join(folder, 'broker.json'), JSON.stringify({ pid, identity: processIdentity(pid) }));
  const answered = await eventually(() => gone() || started, START_LIMIT_MS);
  if (!answered || gone()) {
    if (pid !== 0) await endProcess(pid, SHUTDOWN);
    throw new LocalProblem(`Kafka did not start:\n${last.join('\n')}\nTo start again without data, remove ${folder}.`);
  }
  return { brokers: `127.0.0.1:${port}`, ...localServer(broker, SHUTDOWN, release) };
}
