/**
 * Starts the embedded Postgres from an npm package. The package's own launcher needs an existing user, a free port and
 * an install script; this launcher does not. Data survives a crash of the launcher.
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { owningFolder } from './lock.js';
import { freePort } from './ports.js';
import {
  endPredecessor,
  initialise,
  runToEnd,
  serverUser,
  SHUTDOWN,
  spawnServer,
  type Cluster,
} from './postgres-cluster.js';
import { dataFolder, nativeFolder } from './postgres-files.js';
import { LocalProblem } from './problem.js';
import { endProcess, eventually, followLines, localServer, type LocalServer } from './process.js';

export interface PostgresOptions {
  /** Folder of the data; created if it is missing. */
  readonly folder: string;
  /** Password of the superuser `postgres`. A new password takes effect at the next start. */
  readonly password: string;
  /** The preferred port. Another port is used if this one is taken. */
  readonly port?: number;
  /** Server settings, e.g. `fsync: 'off'` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: (text: string) => void;
}

/** A running Postgres. `stop` ends every session and the server. Committed data remains. */
export interface LocalPostgres extends LocalServer {
  /** Superuser URL of the database `postgres`. */
  readonly url: string;
  readonly port: number;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const START_LIMIT_MS = 60_000;

/** Starts Postgres. Throws a {@link LocalProblem} that names the next step if Postgres cannot be started. */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const log = options.log ?? (() => undefined);
  const data = dataFolder(options.folder, log);
  const refusal = (pid: number): string =>
    `Process ${pid} already runs Postgres in ${options.folder}. Stop that process, or name another STACK_DIR.`;
  return owningFolder(options.folder, refusal, async (release) => {
    const cluster: Cluster = { native: nativeFolder(log), data, user: serverUser(data) };
    await initialise(cluster, options.password, log);
    await endPredecessor(cluster, log);
    return launch(cluster, options, release, log);
  });
}

async function launch(
  cluster: Cluster,
  options: PostgresOptions,
  release: () => void,
  log: (text: string) => void,
): Promise<LocalPostgres> {
  const began = Date.now();
  let passwordReset = false;
  for (;;) {
    const port = await freePort(options.port);
    const attempt = await tryLaunch(cluster, port, options);
    if ('server' in attempt)
      return { url: superuserUrl(port, options.password), port, ...localServer(attempt.server, SHUTDOWN, release) };
    if (attempt.reason === 'password' && !passwordReset) {
      log('Setting the password of the database superuser');
      await runToEnd(
        cluster,
        'postgres',
        ['--single', '-D', cluster.data, 'postgres'],
        `alter role postgres password '${options.password.replaceAll("'", "''")}'\n`,
      );
      passwordReset = true;
      continue;
    }
    // Try again if another process took the port meanwhile, or if processes of a killed launcher still hold the shared
    // memory.
    const temporary = /Address already in use|pre-existing shared memory block|lock file .* already exists/.test(
      attempt.output,
    );
    if (!temporary || Date.now() - began > START_LIMIT_MS) {
      throw new LocalProblem(
        `Postgres did not start on ${cluster.data}:\n${attempt.output}\nTo start again without data, remove ${options.folder}.`,
      );
    }
    await sleep(200);
  }
}

type Attempt = { server: ChildProcess } | { reason: 'password' | 'ended'; output: string };

async function tryLaunch(cluster: Cluster, port: number, options: PostgresOptions): Promise<Attempt> {
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const server = spawnServer(cluster, 'postgres', ['-D', cluster.data, ...settings], ['ignore', 'pipe', 'pipe']);
  const output = followLines(server);
  let failure: string | undefined;
  server.once('error', (error) => (failure = error.message));
  const gone = (): boolean => failure !== undefined || server.exitCode !== null || server.signalCode !== null;
  let answer: 'ok' | 'password' | undefined;
  const answered = async (): Promise<boolean> => {
    if (gone()) return true;
    answer = await tryConnect(superuserUrl(port, options.password));
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

async function tryConnect(url: string): Promise<'ok' | 'password' | undefined> {
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
