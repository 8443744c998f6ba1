/** Reads the version of the running program from the package.json above its entry file. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

export function programVersion(entry = process.argv[1]): string {
  if (entry === undefined || !existsSync(entry)) return 'unknown';
  for (let folder = path.dirname(realpathSync(entry)); folder !== path.dirname(folder); folder = path.dirname(folder))
    try {
      const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version?: string };
      if (version !== undefined) return version;
    } catch {
      // This folder has no package.json; look in its parent.
    }
  return 'unknown';
}
