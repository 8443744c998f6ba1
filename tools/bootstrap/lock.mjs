import fs from 'node:fs';
import { at, say, StartFault, ROOT } from './checkout.mjs';

const LOCK = at('.cache', 'bootstrap.lock');

/**
 * Runs `work` while no other command installs or builds in this folder. Two commands in a fresh clone would otherwise
 * both run `npm ci`, and each would delete the packages of the other.
 */
export async function withLock(work) {
  for (let waited = 0; !tryLock(); waited++) {
    if (waited === 0) say(`Process ${holder()} is installing or building in this folder; waiting for it ...`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  try {
    await work();
  } finally {
    fs.rmSync(LOCK, { force: true });
  }
}

function tryLock() {
  try {
    fs.mkdirSync(at('.cache'), { recursive: true });
    fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST')
      throw new StartFault(
        `Packages must be installed or sources must be built, but ${ROOT} is not writable: ${error.message}`,
      );
  }
  if (!isAlive(holder())) fs.rmSync(LOCK, { force: true });
  return false;
}

function holder() {
  try {
    return Number(fs.readFileSync(LOCK, 'utf8'));
  } catch {
    return 0;
  }
}

/** Pid 0 means that the lock was released, or that its holder has not written its pid yet. */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
