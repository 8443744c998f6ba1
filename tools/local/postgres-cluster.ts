import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { executable, isRoot, unprivilegedUser, type User } from './postgres-files.js';
import { LocalProblem } from './problem.js';
import { commandLine, endedWell, endProcess, isAlive } from './process.js';

/** SIGINT is a fast shutdown. SIGQUIT is an immediate shutdown, after which the next start recovers from the log. */
export const SHUTDOWN = [
  ['SIGINT', 20_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
] as const;

export interface Cluster {
  /** Folder of the Postgres binaries. */
  readonly native: string;
  readonly data: string;
  /** The user that runs the server; undefined means our own user. */
  readonly user: User | undefined;
}

/** Returns the user that runs the server. Root runs it as the user who owns the data folder. */
export function serverUser(data: string): User | undefined {
  const owner = fs.existsSync(data) ? fs.statSync(data) : undefined;
  if (!isRoot()) {
    if (owner && process.getuid && owner.uid !== process.getuid()) {
      throw new LocalProblem(
        `${data} belongs to another user (uid ${owner.uid}): a start as root probably created it. ` +
          'Start as root again, remove the folder, or name another folder in STACK_DIR.',
      );
    }
    return undefined;
  }
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` } : unprivilegedUser();
}

export function spawnServer(
  cluster: Cluster,
  program: string,
  args: readonly string[],
  stdio: SpawnOptions['stdio'],
): ChildProcess {
  return spawn(path.join(cluster.native, 'bin', executable(program)), args, {
    stdio,
    cwd: cluster.native, // The unprivileged user may not have access to our folder.
    detached: process.platform !== 'win32', // Otherwise Ctrl-C would end the database before the services.
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', SystemRoot: process.env.SystemRoot },
    ...(cluster.user && { uid: cluster.user.uid, gid: cluster.user.gid }),
  });
}

/**
 * Runs `initdb` in a temporary folder and renames it at the end, so that a killed start leaves no incomplete cluster.
 */
export async function initialise(cluster: Cluster, password: string, log: (text: string) => void): Promise<void> {
  const version = path.join(cluster.data, 'PG_VERSION');
  if (fs.existsSync(version)) {
    const found = fs.readFileSync(version, 'utf8').trim();
    if (found !== '18')
      throw new LocalProblem(
        `${cluster.data} was created by Postgres ${found}, but this Postgres is 18. Move the folder away, or name another STACK_DIR.`,
      );
    return;
  }
  log('Creating the database cluster');
  const parent = path.dirname(cluster.data);
  for (const left of fs.readdirSync(parent))
    if (left.startsWith('data.draft')) fs.rmSync(path.join(parent, left), { recursive: true, force: true });
  const draft = path.join(parent, `data.draft-${process.pid}`);
  const secret = `${draft}.password`;
  try {
    fs.mkdirSync(draft, { mode: 0o700 });
    fs.writeFileSync(secret, password, { mode: 0o600 });
    if (cluster.user) for (const file of [draft, secret]) fs.chownSync(file, cluster.user.uid, cluster.user.gid);
    await runToEnd(cluster, 'initdb', [
      `--pgdata=${draft}`,
      '--username=postgres',
      `--pwfile=${secret}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--locale=C.UTF-8',
      '--no-instructions',
    ]);
    fs.renameSync(draft, cluster.data);
  } finally {
    fs.rmSync(secret, { force: true });
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

export function runToEnd(cluster: Cluster, program: string, args: readonly string[], input?: string): Promise<void> {
  const child = spawnServer(cluster, program, args, [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe']);
  child.stdin?.end(input);
  return endedWell(child, program);
}

/**
 * Stops a server that still runs on this data. We hold the lock, so the server's launcher is dead. Also removes a
 * pidfile whose pid now belongs to another program: Postgres would refuse to start with this file.
 */
export async function endPredecessor({ data }: Pick<Cluster, 'data'>, log: (text: string) => void): Promise<void> {
  const file = path.join(data, 'postmaster.pid');
  if (!fs.existsSync(file)) return;
  const pid = Number(fs.readFileSync(file, 'utf8').split('\n')[0]);
  const command = isAlive(pid) ? commandLine(pid) : '';
  if (command.includes('postgres') && command.includes(data)) {
    log(`Stopping Postgres (pid ${pid}) that a crashed start left behind`);
    await endProcess(pid, SHUTDOWN);
  }
  fs.rmSync(file, { force: true });
}
