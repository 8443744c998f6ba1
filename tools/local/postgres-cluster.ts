/** A Postgres cluster on disk: whose it is, how it is made, and what still runs on it from a start that crashed. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { executable, isRoot, unprivilegedUser, type User } from './postgres-files.js';
import { LocalProblem } from './problem.js';
import { commandLine, endProcess, followLines, isAlive } from './process.js';

/** Postgres's fast shutdown is SIGINT, its immediate one SIGQUIT (then it recovers from the log at the next start). */
export const SHUTDOWN = [
  ['SIGINT', 20_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
] as const;

export interface Place {
  readonly native: string;
  readonly data: string;
  readonly folder: string;
  readonly user: User | undefined;
}

/** Under root: the owner of existing data, so that data made by an ordinary user stays that user's. */
export function serverUser(data: string): User | undefined {
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

export function spawnServer(
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
export async function initialise(place: Place, password: string, log: (text: string) => void): Promise<void> {
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

export async function runToEnd(place: Place, program: string, args: readonly string[], input?: string): Promise<void> {
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
export async function endPredecessor(place: Place, log: (text: string) => void): Promise<void> {
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
