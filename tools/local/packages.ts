/** Parts of the repository with a package.json of their own, so that `npm start` need not install what it never runs. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './folder.js';
import { LocalProblem } from './postgres-files.js';

/** Folders below the root: what the CDK app needs, what others wrote to compare with. */
export type PackageFolder = 'infra' | 'bench/peers';

/** `npm ci` there, unless exactly this lock file was installed already. Takes a lock file's word only after npm ended well. */
export async function installPackages(folder: PackageFolder, say: (text: string) => void): Promise<void> {
  const at = (...parts: string[]): string => path.join(ROOT, folder, ...parts);
  const stamp = at('node_modules', '.installed');
  const wanted = createHash('sha256')
    .update(fs.readFileSync(at('package-lock.json')))
    .digest('hex');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return;
  say(`Installing the packages of ${folder} (npm ci, up to a minute) ...`);
  const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: at(),
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const code = await new Promise((resolve, reject) => npm.once('error', reject).once('close', resolve));
  if (code !== 0)
    throw new LocalProblem(`"npm ci" in ${folder} ended with code ${String(code)}; its message is above.`);
  fs.writeFileSync(stamp, wanted);
}
