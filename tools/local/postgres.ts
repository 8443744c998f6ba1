/**
 * The embedded Postgres: real server processes from an npm package, started by us because its own launcher needs an
 * existing user, a free port and an install script. Data survives; a predecessor that crashed is cleaned up after.
 */
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { Client } from 'pg';
import { takeLock, type Lock } from './lock.js';
import { freePort } from './ports.js';
import {
  endPredecessor,
  initialise,
  runToEnd,
  serverUser,
  SHUTDOWN,
  spawnServer,
  type Place,
} from './postgres-cluster.js';
import { dataFolder, nativeFolder } from './postgres-files.js';
import { LocalProblem } from './problem.js';
import { endProcess, eventually, followLines, processIdentity, sleep } from './process.js';

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

const START_LIMIT_MS = 60_000;

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
