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
  /**
   * Passwords by user name. If set, clients must sign in by SASL/SCRAM-SHA-512, and only `admin` may do what no
   * access-control list allows. The users are created with the folder.
   */
  readonly users?: Readonly<Record<string, string>>;
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
    const { port, config } = await configure(options);
    if (!fs.existsSync(path.join(options.folder, 'topics', 'meta.properties'))) await format(jars, config, options);
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

async function configure({ folder, port: wanted, users }: KafkaOptions): Promise<{ port: number; config: string }> {
  const ports = new Set([await freePort(wanted)]);
  while (ports.size < 3) ports.add(await freePort());
  const [port = 0, controller = 0, internal = 0] = ports;
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    ...(users ? secured(port, internal, controller) : open(port, controller)),
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

const open = (port: number, controller: number): Record<string, string> => ({
  listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  'inter.broker.listener.name': 'PLAINTEXT',
});

/** As in docker-compose.yml: clients have SASL, and the broker itself uses listeners that only its machine reaches. */
const secured = (port: number, internal: number, controller: number): Record<string, string> => ({
  listeners: `SASL://127.0.0.1:${port},INTERNAL://127.0.0.1:${internal},CONTROLLER://127.0.0.1:${controller}`,
  'advertised.listeners': `SASL://127.0.0.1:${port},INTERNAL://127.0.0.1:${internal}`,
  'listener.security.protocol.map': 'SASL:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'inter.broker.listener.name': 'INTERNAL',
  'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
  'listener.name.sasl.scram-sha-512.sasl.jaas.config':
    'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS;User:admin',
});

async function format(jars: string, config: string, { folder, users = {} }: KafkaOptions): Promise<void> {
  // The tool would read an id that begins with "-" as an option.
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  await runToEnd(
    'java',
    [
      ...['-cp', path.join(jars, '*'), 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config],
      ...Object.entries(users).flatMap(([name, word]) => ['-S', `SCRAM-SHA-512=[name=${name},password=${word}]`]),
    ],
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
