/**
 * Writes what is derived from the event catalog: `docs/events/asyncapi.json`, and with `--release` also the schemas in
 * `libs/events/released/` that later changes are compared with. `--check` writes nothing and fails if the document is
 * not up to date.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { asyncapi, catalogFaults, jsonSchemas } from '#events';
import { ASYNCAPI_FILE, RELEASED_FOLDER, readReleased, toText } from './files.js';

function main(args: readonly string[]): number {
  const unknown = args.filter((a) => a !== '--check' && a !== '--release');
  if (unknown.length > 0) return fail(`Unknown option ${unknown.join(' ')}. Options: --check, --release`);
  const faults = catalogFaults(readReleased(), jsonSchemas());
  if (faults.length > 0)
    return fail(
      `Not additive; publish a new version of the type instead:\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
  const document = toText(asyncapi());
  if (args.includes('--check'))
    return document === readIfThere(ASYNCAPI_FILE) ? 0 : fail(`${ASYNCAPI_FILE} is not up to date.`);
  write(ASYNCAPI_FILE, document);
  if (args.includes('--release'))
    for (const [type, schema] of Object.entries(jsonSchemas()))
      write(path.join(RELEASED_FOLDER, `${type}.json`), toText(schema));
  return 0;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function write(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function fail(message: string): number {
  console.error(message);
  return 1;
}

process.exitCode = main(process.argv.slice(2));
