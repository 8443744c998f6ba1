/** Builds the whole tree with one `nest build` (nest-cli.json). The output mirrors the tree under dist/. */
import fs from 'node:fs';
import { at, readJson, ROOT, say, seconds, StartFault } from './checkout.mjs';
import { pinnedNode } from './install.mjs';
import { run } from './run.mjs';

// `nest build` reads these files. A change of other files (documentation, specs) needs no new build.
const SOURCES = readJson(at('nest-cli.json'))?.compilerOptions?.builder?.options?.filenames ?? [];
const SETTINGS = [
  '.swcrc',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
  'package-lock.json',
];
const NOT_SOURCE =
  /(^|\/)(node_modules|\..*)$|^bench\/peers$|^packages\/([^/]+\/dist|tsdown\.config\.ts)$|^tools\/bootstrap|\.spec\.ts$/;

/** Its modification time is the begin of the last build that succeeded. */
const BUILT = at('dist', '.built');

/** Returns true if no source file or folder is newer than the last build. Checking the whole tree takes 10 ms. */
export function isBuilt() {
  const built = fs.statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs;
  const isOld = (file) => {
    if (NOT_SOURCE.test(file)) return true;
    const stat = fs.statSync(at(file), { throwIfNoEntry: false });
    if (!stat) return true;
    // A folder changes when a file in it is added, renamed or deleted.
    if (stat.mtimeMs >= built) return false;
    return !stat.isDirectory() || fs.readdirSync(at(file)).every((name) => isOld(`${file}/${name}`));
  };
  return built !== undefined && [...SETTINGS, ...SOURCES].every(isOld);
}

export async function build() {
  const began = Date.now();
  fs.rmSync(BUILT, { force: true });
  const cli = at('node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  const code = await run(pinnedNode(), [cli, 'build', '--silent'], { cwd: ROOT, quiet: true });
  if (code !== 0) throw new StartFault('"nest build" failed; its messages are above.');
  removeOlder('dist', began);
  fs.writeFileSync(BUILT, '');
  fs.utimesSync(BUILT, new Date(began), new Date(began));
  say(`Built in ${seconds(began)}.`);
}

/** Output folder of "build:triggers", which `nest build` does not write. */
const PACKED = 'dist/triggers';

/**
 * Removes the outputs that the build has not written again, because their source files no longer exist. The folder is
 * never emptied, because a running stack may load files from it.
 */
function removeOlder(folder, began) {
  for (const entry of fs.readdirSync(at(folder), { withFileTypes: true })) {
    const file = `${folder}/${entry.name}`;
    if (file === PACKED) continue;
    if (entry.isDirectory()) {
      removeOlder(file, began);
      if (fs.readdirSync(at(file)).length === 0) fs.rmdirSync(at(file));
    } else if (fs.statSync(at(file)).mtimeMs < began) fs.rmSync(at(file));
  }
}
