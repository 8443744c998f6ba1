/**
 * Writes the generated documents: `docs/events/asyncapi.json` and `docs/api/<service>.json`. `--check` writes nothing
 * and fails if a document is not up to date. `--release` also writes the schemas in `libs/events/released/`, with which
 * later changes are compared.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { asyncapi, catalogFaults, jsonSchemas } from '#events';
import { ASYNCAPI_FILE, OPENAPI_FOLDER, RELEASED_FOLDER, readReleased, toText } from './files.js';
import { openapi, services } from './openapi.js';

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((a) => a !== '--check' && a !== '--release');
  if (unknown.length > 0) return fail(`Unknown option ${unknown.join(' ')}. Options: --check, --release`);
  const faults = catalogFaults(readReleased(), jsonSchemas());
  if (faults.length > 0)
    return fail(
      `The catalog has changes that are not additive. Publish a new version of the event type instead:\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
  const documents = { [ASYNCAPI_FILE]: toText(asyncapi()), ...(await openapiDocuments()) };
  if (args.includes('--check')) {
    const stale = Object.entries(documents).filter(([file, text]) => text !== readIfThere(file));
    return stale.length === 0
      ? 0
      : fail(`These documents are not up to date; run "npm run contracts": ${stale.map(([file]) => file).join(', ')}`);
  }
  for (const [file, text] of Object.entries(documents)) write(file, text);
  if (args.includes('--release'))
    for (const [type, schema] of Object.entries(jsonSchemas()))
      write(path.join(RELEASED_FOLDER, `${type}.json`), toText(schema));
  return 0;
}

async function openapiDocuments(): Promise<Record<string, string>> {
  const documents: Record<string, string> = {};
  for (const service of await services())
    documents[path.join(OPENAPI_FOLDER, `${service.name}.json`)] = toText(await openapi(service));
  return documents;
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

process.exitCode = await main(process.argv.slice(2));
