/** Paths of the generated files, from the root of the repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { TypeSchema } from '#events';

export const ASYNCAPI_FILE = 'docs/events/asyncapi.json';
export const OPENAPI_FOLDER = 'docs/api';
export const RELEASED_FOLDER = 'libs/events/released';

export const toText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The last released schema of each event type. */
export function readReleased(folder = RELEASED_FOLDER): Record<string, TypeSchema> {
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return Object.fromEntries(
    files.map((file) => [
      file.replace(/\.json$/, ''),
      JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as TypeSchema,
    ]),
  );
}
