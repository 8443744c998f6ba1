/**
 * Makes one folder per Lambda function: `index.mjs`, the compiled modules that it imports, and the package `jose` if
 * needed. A bundler is not needed, because Node resolves the imports.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import ts from 'typescript';

export const TRIGGERS = [
  'define-auth-challenge',
  'create-auth-challenge',
  'verify-auth-challenge-response',
  'pre-token-generation',
] as const;

const PACKAGES = new Set(['jose']);

/**
 * Replaces the folders under `target` and returns their paths. `compiled` is the build of apps/cognito-triggers/src.
 */
export function packTriggers(compiled: string, target: string): string[] {
  return TRIGGERS.map((name) => {
    const folder = path.join(target, name);
    fs.rmSync(folder, { recursive: true, force: true });
    const entry = path.join(compiled, 'lambda', `${name}.js`);
    for (const file of reachable(entry)) {
      if (PACKAGES.has(file)) copyPackage(file, path.join(folder, 'node_modules', file));
      else fs.cpSync(file, path.join(folder, path.relative(compiled, file)));
    }
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
    fs.writeFileSync(path.join(folder, 'index.mjs'), `export { handler } from './lambda/${name}.js';\n`);
    return folder;
  });
}

/** Returns the module, all modules that it imports, and the names of imported packages. */
function reachable(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const { importedFiles } = ts.preProcessFile(fs.readFileSync(entry, 'utf8'), true, true);
  for (const { fileName: specifier } of importedFiles) {
    if (specifier.startsWith('.')) reachable(path.resolve(path.dirname(entry), specifier), seen);
    else if (PACKAGES.has(specifier)) seen.add(specifier);
    else if (!specifier.startsWith('node:')) throw new Error(`${entry} imports ${specifier}, which is not packed`);
  }
  return seen;
}

/** Copies the code and the licence of a package, without type declarations. */
function copyPackage(name: string, target: string): void {
  const root = path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  fs.cpSync(root, target, {
    recursive: true,
    filter: (file) => !/\.d\.[cm]?ts$|\.map$/.test(file) && !file.endsWith(path.join('dist', 'types')),
  });
}
