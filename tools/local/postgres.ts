/**
 * The embedded Postgres: real server processes from an npm package, started by us because its own launcher needs an
 * existing user, a free port and an install script. Data survives; a predecessor that crashed is cleaned up after.
 */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { takeLock, type Lock } from './lock.js';
import { freePort } from './ports.js';
import {
  dataFolder,
  executable,
  isRoot,
  LocalProblem,
  nativeFolder,
  unprivilegedUser,
  type User,
} from './postgres-files.js';
import { commandLine, endProcess, eventually, followLines, isAlive, processIdentity, sleep } from './process.js';

export { LocalProblem } from './postgres-files.js';

export interface PostgresOptions {
  /** Folder for the data; made if it is not there. */
  readonly folder: string;
  /** Of the superuser `postgres`. A changed password is set at the next start. */
  readonly password: string;
  /** Taken if it is free. */
  readonly port?: number;
  /** Server settings, e.g. `fsync: 'off'` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: (text: string) => void;
}

export interface LocalPostgres {
  /** Superuser, database `postgres`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the server ends, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends every session and the server: what is committed stays. */
  stop(): Promise<void>;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Postgres's fast shutdown is SIGINT, its immediate one SIGQUIT (then it recovers from the log at the next start). */
const SHUTDOWN = [
  ['SIGINT', 20_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
] as const;

const START_LIMIT_MS = 60_000;

interface Place {
  readonly native: string;
  readonly data: string;
  readonly folder: string;
  readonly user: User | undefined;
}

/** Throws {@link LocalProblem} with what to do when it cannot be started. */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const log = options.log ?? (() => undefined);
  const data = dataFolder(options.folder, log);
  const taken = takeLock(path.join(options.folder, 'owner.lock'));
  if ('holder' in taken) {
    throw new LocalProblem(
      `Process ${taken.holder.pid} already runs the Postgres in ${options.folder}. Stop it, or name another STACK_DIR.`,
    );
  }
  try {
    const place: Place = { native: nativeFolder(log), data, folder: options.folder, user: serverUser(data) };
    await initialise(place, options.password, log);
    await endPredecessor(place, log);
    return await launch(place, options, taken.lock, log);
  } catch (error) {
    taken.lock.release();
    throw error;
  }
}

/** Under root: the owner of existing data, so that data made by an ordinary user stays that user's. */
function serverUser(data: string): User | undefined {
  const owner = fs.existsSync(data) ? fs.statSync(data) : undefined;
  if (!isRoot()) {
    if (owner && process.getuid && owner.uid !== process.getuid()) {
      throw new LocalProblem(
        `${data} belongs to another user (uid ${owner.uid}): it was probably made by a start as root. ` +
          'Start as root again, remove the folder, or name another place in STACK_DIR.',
      );
    }
    return undefined;
  }
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` } : unprivilegedUser();
}

function spawnServer(
  place: Place,
  program: string,
  args: readonly string[],
  stdio: SpawnOptions['stdio'],
): ChildProcess {
  return spawn(path.join(place.native, 'bin', executable(program)), args, {
    stdio,
    cwd: place.native, // the user that it drops to may not be able to enter ours
    detached: process.platform !== 'win32', // Ctrl-C must reach the services before their database
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', SystemRoot: process.env.SystemRoot },
    ...(place.user && { uid: place.user.uid, gid: place.user.gid }),
  });
}

/** `initdb` into a draft that is renamed when it is complete, so that a start that is killed leaves nothing half done. */
async function initialise(place: Place, password: string, log: (text: string) => void): Promise<void> {
  const version = path.join(place.data, 'PG_VERSION');
  if (fs.existsSync(version)) {
    const found = fs.readFileSync(version, 'utf8').trim();
    if (found !== '18')
      throw new LocalProblem(
        `${place.data} was made by Postgres ${found}; this one is 18. Move the folder away, or name another STACK_DIR.`,
      );
    return;
  }
  log('Creating the database cluster');
  const parent = path.dirname(place.data);
  for (const left of fs.readdirSync(parent))
    if (left.startsWith('data.draft')) fs.rmSync(path.join(parent, left), { recursive: true, force: true });
  const draft = path.join(parent, `data.draft-${process.pid}`);
  const secret = `${draft}.password`;
  try {
    fs.mkdirSync(draft, { mode: 0o700 });
    fs.writeFileSync(secret, password, { mode: 0o600 });
    if (place.user) for (const file of [draft, secret]) fs.chownSync(file, place.user.uid, place.user.gid);
    await runToEnd(place, 'initdb', [
      `--pgdata=${draft}`,
      '--username=postgres',
      `--pwfile=${secret}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--no-instructions',
    ]);
    fs.renameSync(draft, place.data);
  } finally {
    fs.rmSync(secret, { force: true });
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

async function runToEnd(place: Place, program: string, args: readonly string[], input?: string): Promise<void> {
  const child = spawnServer(place, program, args, [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe']);
  const output = followLines(child);
  child.stdin?.end(input);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0) throw new LocalProblem(`${program} ended with code ${String(code)}:\n${output.last.join('\n')}`);
}

interface Pidfile {
  readonly pid: number;
  readonly port: number;
}

function readPidfile(place: Place): Pidfile | undefined {
  const file = path.join(place.data, 'postmaster.pid');
  if (!fs.existsSync(file)) return undefined;
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]) };
}

/**
 * We hold the lock, so a server that still runs on this data has lost its launcher: it is stopped, for its log and
 * its settings are not ours. A pidfile whose pid belongs to some other program would keep Postgres from starting.
 */
async function endPredecessor(place: Place, log: (text: string) => void): Promise<void> {
  const left = readPidfile(place);
  if (!left) return;
  const ours =
    isAlive(left.pid) && /postgres/.test(commandLine(left.pid)) && commandLine(left.pid).includes(place.data);
  if (ours) {
    log(`Stopping the Postgres (pid ${left.pid}) that a crashed start left behind`);
    await endProcess(left.pid, SHUTDOWN);
  }
  fs.rmSync(path.join(place.data, 'postmaster.pid'), { force: true });
}

async function launch(
  place: Place,
  options: PostgresOptions,
  lock: Lock,
  log: (text: string) => void,
): Promise<LocalPostgres> {
  const began = Date.now();
  let passwordReset = false;
  for (;;) {
    const port = await freePort(options.port);
    const attempt = await tryLaunch(place, port, options);
    if ('server' in attempt) return handle(attempt.server, port, options.password, lock);
    if (attempt.reason === 'password' && !passwordReset) {
      log('Setting the password of the database superuser');
      await runToEnd(
        place,
        'postgres',
        ['--single', '-D', place.data, 'postgres'],
        `alter role postgres password '${options.password.replaceAll("'", "''")}'\n`,
      );
      passwordReset = true;
      continue;
    }
    // The port was taken in between, or backends of a killed predecessor still hold the shared memory: both pass.
    const passes = /Address already in use|pre-existing shared memory block|lock file .* already exists/.test(
      attempt.output,
    );
    if (!passes || Date.now() - began > START_LIMIT_MS) {
      throw new LocalProblem(
        `Postgres did not start on ${place.data}:\n${attempt.output}\nIts data can be thrown away by removing ${options.folder}.`,
      );
    }
    await sleep(200);
  }
}

type Attempt = { server: ChildProcess } | { reason: 'password' | 'ended'; output: string };

async function tryLaunch(place: Place, port: number, options: PostgresOptions): Promise<Attempt> {
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const server = spawnServer(place, 'postgres', ['-D', place.data, ...settings], ['ignore', 'pipe', 'pipe']);
  const output = followLines(server);
  let failure: string | undefined;
  server.once('error', (error) => (failure = error.message));
  const gone = (): boolean => failure !== undefined || server.exitCode !== null || server.signalCode !== null;
  let answer: 'ok' | 'password' | undefined;
  const answered = async (): Promise<boolean> => {
    if (gone()) return true;
    answer = await ask(superuserUrl(port, options.password));
    return answer !== undefined;
  };
  await eventually(answered, START_LIMIT_MS);
  if (answer === 'ok' && !gone()) return { server };
  if (!gone() && server.pid !== undefined) await endProcess(server.pid, SHUTDOWN);
  const reason = answer === 'password' ? 'password' : 'ended';
  return {
    reason,
    output: [failure ?? [], ...output.last].flat().join('\n') || `no answer within ${START_LIMIT_MS / 1000} s`,
  };
}

const superuserUrl = (port: number, password: string): string =>
  `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;

async function ask(url: string): Promise<'ok' | 'password' | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return 'ok';
  } catch (error) {
    return (error as { code?: string }).code === '28P01' ? 'password' : undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function handle(server: ChildProcess, port: number, password: string, lock: Lock): LocalPostgres {
  const pid = server.pid ?? 0;
  const identity = processIdentity(pid);
  const lastResort = (): void => {
    if (processIdentity(pid) === identity) server.kill('SIGINT');
  };
  process.once('exit', lastResort);
  const ended = new Promise<void>((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) resolve();
    else server.once('exit', () => resolve());
  });
  void ended.then(() => {
    process.off('exit', lastResort);
    lock.release();
  });
  return {
    url: superuserUrl(port, password),
    port,
    pid,
    ended,
    stop: async () => {
      await endProcess(pid, SHUTDOWN);
      await ended;
    },
  };
}
