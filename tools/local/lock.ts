import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LocalProblem } from './problem.js';
import { processIdentity } from './process.js';

export interface Lock {
  release(): void;
}
export interface LockHolder {
  readonly pid: number;
  readonly identity: string;
}

/**
 * Takes the lock, or returns the living process that holds it. The lock of a dead process is taken over, even if
 * another process now has its pid. `link` creates the file with its content in one step, so no process reads an
 * incomplete lock.
 */
export function takeLock(file: string): { lock: Lock } | { holder: LockHolder } {
  const own: LockHolder = { pid: process.pid, identity: processIdentity(process.pid) ?? String(process.pid) };
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(draft, file);
        return { lock: { release: () => releaseOwn(file, own) } };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = lockHolder(file);
      if (holder) return { holder };
      discardDead(file, `${draft}.dead`);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Takes the lock of the folder and runs `work`, which starts a server. If `work` fails, the lock is released. Otherwise
 * `work` must release the lock when the server has ended.
 */
export async function owningFolder<T>(
  folder: string,
  refusal: (pid: number) => string,
  work: (release: () => void) => Promise<T>,
): Promise<T> {
  const taken = takeLock(path.join(folder, 'owner.lock'));
  if ('holder' in taken) throw new LocalProblem(refusal(taken.holder.pid));
  const release = (): void => taken.lock.release();
  return work(release).catch((error: unknown) => {
    release();
    throw error;
  });
}

/** Returns the living process that holds the lock, or undefined. */
export function lockHolder(file: string): LockHolder | undefined {
  const holder = read(file);
  return holder && processIdentity(holder.pid) === holder.identity ? holder : undefined;
}

function read(file: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LockHolder;
  } catch {
    return undefined;
  }
}

/** Removes a dead process's lock. If a living process took the lock just before the rename, its lock is restored. */
function discardDead(file: string, aside: string): void {
  try {
    renameSync(file, aside);
  } catch {
    return; // Another process was faster and has removed the lock.
  }
  if (lockHolder(aside)) {
    try {
      linkSync(aside, file);
    } catch {
      // A third process already took the lock.
    }
  }
  rmSync(aside, { force: true });
}

function releaseOwn(file: string, own: LockHolder): void {
  if (read(file)?.identity === own.identity) rmSync(file, { force: true });
}
