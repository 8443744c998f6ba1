/** Processes that outlive a call: who is alive, what it said last, how it is ended. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A text that a process keeps for its life and that no later process with the same pid has, or undefined when there
 * is no such process. Pids come round quickly in containers, so a pid alone says nothing about a predecessor.
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

/** Command line of a process, empty when it cannot be read. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    if (process.platform === 'win32') return '';
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `condition` holds; false when it did not within `limitMs`. */
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

/** Sends each signal in turn and gives the process the time beside it. True when it ended. */
export async function endProcess(pid: number, steps: readonly (readonly [NodeJS.Signals, number])[]): Promise<boolean> {
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

/** Splits a child's output into lines, hands them on and keeps the last ones for an explanation. */
export function followLines(
  child: ChildProcess,
  onLine: (line: string) => void = () => undefined,
  keep = 40,
): { readonly last: string[] } {
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    });
    stream?.on('end', () => rest !== '' && take(rest));
  }
  const take = (line: string): void => {
    if (last.push(line) > keep) last.shift();
    onLine(line);
  };
  return { last };
}

/** The first failure is thrown at once; the others, which it may have caused, are not left unhandled. */
export async function allOrFirstFailure<const T extends readonly Promise<unknown>[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  for (const one of work) one.catch(() => undefined);
  return Promise.all(work);
}
