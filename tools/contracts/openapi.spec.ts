import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { OpenAPIObject } from '@nestjs/swagger';
import { OPENAPI_FOLDER, toText } from './files.js';
import { openapi, services } from './openapi.js';

describe('the OpenAPI documents', () => {
  const documents = new Map<string, OpenAPIObject>();
  beforeAll(async () => {
    for (const service of await services()) documents.set(`${service.name}.json`, await openapi(service));
  });

  it('are up to date: "npm run contracts" writes them', () => {
    expect(readdirSync(OPENAPI_FOLDER).sort()).toEqual([...documents.keys()].sort());
    for (const [file, document] of documents)
      expect(readFileSync(path.join(OPENAPI_FOLDER, file), 'utf8')).toBe(toText(document));
  });

  it('refer only to schemas that they contain', () => {
    const missing = [...documents].flatMap(([file, document]) =>
      [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]*)"/g)]
        .map(([, name = '']) => name)
        .filter((name) => !document.components?.schemas?.[name])
        .map((name) => `${file}: "${name}"`),
    );
    expect(missing).toEqual([]);
  });

  it('describe the answer of every operation', () => {
    const undescribed = [...documents].flatMap(([file, { paths }]) =>
      Object.entries(paths).flatMap(([route, operations]) =>
        Object.entries(operations as Record<string, { responses: Record<string, { content?: object }> }>)
          .filter(
            ([, { responses }]) =>
              !Object.entries(responses).some(([code, r]) => code === '204' || (code < '300' && r.content)),
          )
          .map(([method]) => `${file}: ${method} ${route}`),
      ),
    );
    expect(undescribed).toEqual([]);
  });
});
