/** One owner of a folder at a time, among processes that may be killed at any moment. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { processIdentity } from './process.js';

export interface Lock {
  release(): void;
}
export interface LockHolder {
  readonly pid: number;
  readonly identity: string;
}

/**
 * Takes the lock, or says which living process has it. The lock of a dead process, also one whose pid was given to
 * somebody else since, is taken over. Guarantee: the file appears with its content in one step (`link`), so nobody
 * ever reads half a lock.
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

/** The living process that holds the lock, or undefined. */
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

/** Between our look at the file and this rename another process may have taken it: then it gets its lock back. */
function discardDead(file: string, aside: string): void {
  try {
    renameSync(file, aside);
  } catch {
    return; // somebody else was quicker
  }
  if (lockHolder(aside)) {
    try {
      linkSync(aside, file);
    } catch {
      // and a third one already took the free place
    }
  }
  rmSync(aside, { force: true });
}

function releaseOwn(file: string, own: LockHolder): void {
  if (read(file)?.identity === own.identity) rmSync(file, { force: true });
}
