import fs from 'node:fs';
import path from 'node:path';
import { at, readText, StartFault, ROOT, say } from './checkout.mjs';

const LOCK = at('.cache', 'bootstrap.lock');
const LOCK_STALE_MS = 15_000;

/**
 * Runs `work` with a lock, so that two commands in a fresh clone do not both run `npm ci`. The holder touches the lock
 * file regularly; a lock that is not touched any more is removed.
 */
export async function withLock(work) {
  try {
    fs.mkdirSync(path.dirname(LOCK), { recursive: true });
    fs.accessSync(path.dirname(LOCK), fs.constants.W_OK);
  } catch (error) {
    throw new StartFault(
      `Packages must be installed or sources must be built, but ${ROOT} is not writable: ${error.message}`,
    );
  }
  for (let waited = 0; !tryLock(); waited++) {
    if (waited === 0) say(`Process ${readText(LOCK)} is installing or building in this folder; waiting for it ...`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const beat = setInterval(() => {
    try {
      fs.utimesSync(LOCK, new Date(), new Date());
    } catch {
      // ignore the error if another process removed the lock
    }
  }, 1_000);
  try {
    await work();
  } finally {
    clearInterval(beat);
    if (readText(LOCK) === String(process.pid)) fs.rmSync(LOCK, { force: true });
  }
}

function tryLock() {
  try {
    fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const stat = fs.statSync(LOCK, { throwIfNoEntry: false });
  if (stat && (!isAlive(Number(readText(LOCK))) || Date.now() - stat.mtimeMs > LOCK_STALE_MS))
    fs.rmSync(LOCK, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
