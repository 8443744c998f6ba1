/** Functions for child processes: check whether a process is alive, collect its last lines, and end it. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalProblem } from './problem.js';

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Returns a text that identifies a process for its whole life, or undefined if the process does not exist. A pid alone
 * is not enough, because in a container another process soon gets the same pid.
 */
export function processIdentity(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  try {
    if (process.platform === 'linux') {
      // Field 22 is the start time; the command name before it may contain spaces and brackets.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      return fields[0] === 'Z' ? undefined : `${pid}@${fields[19]}`;
    }
    if (process.platform === 'win32') return String(pid);
    return `${pid}@${execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()}`;
  } catch {
    return undefined;
  }
}

/** Returns the command line of a process, or an empty text if it cannot be read. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    if (process.platform === 'win32') return '';
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/** Polls until `condition` holds. Returns false if it does not hold within `limitMs`. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  everyMs = 25,
): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    if (await condition()) return true;
    if (Date.now() > deadline) return false;
    await sleep(everyMs);
  }
}

/** Sends the signals one after another, each with its own time limit. Returns true as soon as the process has ended. */
export async function endProcess(pid: number, steps: Shutdown): Promise<boolean> {
  const identity = processIdentity(pid);
  for (const [signal, patienceMs] of steps) {
    if (identity === undefined || processIdentity(pid) !== identity) return true;
    try {
      process.kill(pid, signal);
    } catch {
      return true;
    }
    if (await eventually(() => processIdentity(pid) !== identity, patienceMs)) return true;
  }
  return identity === undefined || processIdentity(pid) !== identity;
}

/** Splits a child's output into lines, passes them on, and keeps the last ones for an error message. */
export function followLines(
  child: ChildProcess,
  onLine: (line: string) => void = () => undefined,
  keep = 40,
): { readonly last: string[] } {
  const last: string[] = [];
  const take = (line: string): void => {
    if (last.push(line) > keep) last.shift();
    onLine(line);
  };
  for (const input of [child.stdout, child.stderr])
    if (input) createInterface({ input, crlfDelay: Infinity }).on('line', take);
  return { last };
}

/** Waits until a child has ended. Rejects with the child's last lines unless its exit code is 0. */
export async function endedWell(child: ChildProcess, command: string): Promise<void> {
  const { last } = followLines(child);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new LocalProblem(`"${command}" ended with code ${String(code)}:\n${last.join('\n')}`);
}

export type Shutdown = readonly (readonly [signal: NodeJS.Signals, patienceMs: number])[];

/** A local server that runs as a child process. */
export interface LocalServer {
  readonly pid: number;
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Wraps the child process of a server. `release` runs when the server has ended. */
export function localServer(child: ChildProcess, shutdown: Shutdown, release: () => void): LocalServer {
  const pid = child.pid ?? 0;
  const ended = endOf(child, shutdown[0]?.[0] ?? 'SIGTERM').then(release);
  return {
    pid,
    ended,
    stop: async () => {
      await endProcess(pid, shutdown);
      await ended;
    },
  };
}

/** Resolves when the child has ended. If this process exits before that, it sends `signal` to the child. */
function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const pid = child.pid ?? 0;
  const identity = processIdentity(pid);
  const lastResort = (): void => {
    if (identity !== undefined && processIdentity(pid) === identity) child.kill(signal);
  };
  process.once('exit', lastResort);
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  return ended.then(() => void process.off('exit', lastResort));
}
