/** Installs packages that `npm start` does not need. Each of these folders has its own package.json. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './folder.js';
import { LocalProblem } from './problem.js';

/** The folder of the CDK app, and the folders of other people's programs for comparison and for tests. */
export type PackageFolder = 'infra' | 'bench/peers' | 'test/peers' | 'tools/mutants';

const at = (folder: PackageFolder, ...parts: string[]): string => path.join(ROOT, folder, ...parts);
const stampOf = (folder: PackageFolder): string => at(folder, 'node_modules', '.installed');
const wantedIn = (folder: PackageFolder): string =>
  createHash('sha256')
    .update(fs.readFileSync(at(folder, 'package-lock.json')))
    .digest('hex');

/** Returns true if exactly this lock file was installed. */
export const packagesInstalled = (folder: PackageFolder): boolean =>
  fs.existsSync(stampOf(folder)) && fs.readFileSync(stampOf(folder), 'utf8') === wantedIn(folder);

/** Runs `npm ci`, unless exactly this lock file was already installed. Writes the stamp only after success. */
export async function installPackages(folder: PackageFolder, say: (text: string) => void): Promise<void> {
  if (packagesInstalled(folder)) return;
  say(`Installing the packages of ${folder} (npm ci, up to a minute) ...`);
  const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: at(folder),
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const code = await new Promise((resolve, reject) => npm.once('error', reject).once('close', resolve));
  if (code !== 0)
    throw new LocalProblem(`"npm ci" in ${folder} ended with code ${String(code)}; npm's message is above.`);
  fs.writeFileSync(stampOf(folder), wantedIn(folder));
}
