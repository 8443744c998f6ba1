/**
 * Builds the whole tree with one `nest build` (nest-cli.json): one swc run of about 1.5 s whose output mirrors the tree
 * under dist/. Separate builds per Nest project would each start a process, load TypeScript and compile the shared
 * libraries again.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { at, readJson, readText, StartFault, ROOT, say, seconds, sha256 } from './checkout.mjs';
import { lockFingerprint, pinnedNode } from './install.mjs';
import { run } from './run.mjs';

// The files that `nest build` reads. A change of other files (documentation, specs) needs no new build.
const SOURCE_FOLDERS = ['apps', 'libs', 'packages', 'examples', 'tools', 'test', 'bench'];
const SOURCE_FILES = ['.swcrc', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json', 'package.json'];
const NOT_SOURCE =
  /(^|\/)(node_modules|\..*)$|^bench\/peers$|^packages\/([^/]+\/dist|tsdown\.config\.ts)$|^tools\/bootstrap(\.mjs)?$|\.spec\.ts$/;

const BUILD_RECORD = at('dist', '.build.json');

/**
 * Returns every source file, and a hash over their names, sizes and modification times. It takes 10 ms for the whole
 * tree.
 */
function sources() {
  const hash = createHash('sha256');
  const files = [];
  const visit = (relative) => {
    if (NOT_SOURCE.test(relative)) return;
    const stat = fs.statSync(at(relative), { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) {
      for (const name of fs.readdirSync(at(relative)).sort()) visit(`${relative}/${name}`);
      return;
    }
    hash.update(`${relative} ${stat.size} ${stat.mtimeMs}\n`);
    files.push(relative);
  };
  for (const folder of SOURCE_FOLDERS) visit(folder);
  for (const file of SOURCE_FILES) hash.update(`${file} ${sha256(readText(at(file)) ?? '')}\n`);
  hash.update(lockFingerprint());
  return { fingerprint: hash.digest('hex'), files };
}

const output = (source) => `dist/${source.replace(/(?<!\.d)\.ts$/, '.js')}`;

export function isBuilt() {
  const record = readJson(BUILD_RECORD);
  if (!record) return false;
  const now = sources();
  return (
    record.fingerprint === now.fingerprint &&
    now.files.every((file) => isCompiledAway(file) || fs.existsSync(at(output(file))))
  );
}

const isCompiledAway = (file) => file.endsWith('.d.ts');

export async function build() {
  const began = Date.now();
  const before = sources();
  fs.rmSync(BUILD_RECORD, { force: true });
  const cli = at('node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  const code = await run(pinnedNode(), [cli, 'build', '--silent'], { cwd: ROOT, quiet: true });
  if (code !== 0) throw new StartFault('"nest build" failed; its messages are above.');
  removeStale(before.files);
  fs.writeFileSync(BUILD_RECORD, JSON.stringify({ fingerprint: before.fingerprint }));
  say(`Built in ${seconds(began)}.`);
}

/** Output folder of "build:triggers". Its files have no source files, so they are not removed as stale. */
const PACKED = 'dist/triggers';

/**
 * Removes outputs whose source file no longer exists. It never empties the folder, because a running stack may load
 * files from it.
 */
function removeStale(files) {
  const wanted = new Set(files.flatMap((file) => [output(file), `${output(file)}.map`]));
  const visit = (relative) => {
    for (const entry of fs.readdirSync(at(relative), { withFileTypes: true })) {
      const child = `${relative}/${entry.name}`;
      if (child === PACKED) continue;
      if (entry.isDirectory()) visit(child);
      else if (!wanted.has(child) && !entry.name.startsWith('.')) fs.rmSync(at(child), { force: true });
    }
    if (relative !== 'dist' && fs.readdirSync(at(relative)).length === 0) fs.rmdirSync(at(relative));
  };
  if (fs.existsSync(at('dist'))) visit('dist');
}
