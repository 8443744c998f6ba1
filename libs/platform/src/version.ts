import { readFileSync } from 'node:fs';
import path from 'node:path';

const NAME = 'stackflow-okta';

export function productVersion(): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder))
    try {
      const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === NAME && version !== undefined) return version;
    } catch {
      // This folder has no package.json; look in its parent.
    }
  return 'unknown';
}
