import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { OPENAPI_FOLDER, toText } from './files.js';
import { openapi, services } from './openapi.js';

describe('the OpenAPI documents', () => {
  it('are up to date: "npm run contracts" writes them', async () => {
    const documents = Object.fromEntries(
      await Promise.all((await services()).map(async (s) => [`${s.name}.json`, toText(await openapi(s))])),
    ) as Record<string, string>;
    expect(readdirSync(OPENAPI_FOLDER).sort()).toEqual(Object.keys(documents).sort());
    for (const [file, document] of Object.entries(documents))
      expect(readFileSync(path.join(OPENAPI_FOLDER, file), 'utf8')).toBe(document);
  });
});
