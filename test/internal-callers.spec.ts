/** Every route of every internal API, as the services really answer: a credential opens what its scope names, only. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isScope, SCOPES } from '#contracts';
import { SERVICES, type ServiceName } from '../apps/provision/src/provision.js';
import { openapi, services } from '../tools/contracts/openapi.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { startInProcess } from './support/in-process.js';
import { accepting, credentialOf } from './support/internal-api.js';

interface Route {
  readonly method: string;
  readonly path: string;
  readonly scope: unknown;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

async function routesOf(definition: Awaited<ReturnType<typeof services>>[number]): Promise<Route[]> {
  const { paths } = await openapi(definition);
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, { 'x-scope'?: string }>)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, scope: operation['x-scope'] })),
  );
}

let database: TestDatabase;
beforeAll(async () => void (database = await createTestDatabase()));
afterAll(() => database.drop());

const definitions = await services();

it('covers every service of the product', () => {
  expect(definitions.map(({ name }) => name).sort()).toEqual(Object.keys(SERVICES).sort());
});

describe.each(definitions.map((definition) => [definition.name, definition] as const))('%s', (name, definition) => {
  it('names the scope of every route, and refuses every credential without it', async () => {
    const routes = await routesOf(definition);
    expect(routes.length).toBeGreaterThan(0);
    expect(routes.filter(({ scope }) => typeof scope !== 'string' || !isScope(scope))).toEqual([]);
    const callers = SCOPES.flatMap((scope) => [
      accepting([`only-${scope}`], [scope]),
      accepting(
        [`without-${scope}`],
        SCOPES.filter((other) => other !== scope),
      ),
    ]);
    const running = await startInProcess(
      { ...definition, strategies: () => [] },
      {
        ...exampleEnvironment(definition.config),
        ...('SESSION_KEYS' in definition.config && (await authKeys())),
        DATABASE_URL: database.url(name as ServiceName),
        INTERNAL_API_CALLERS: callers.join(','),
      },
    );
    const answer = async ({ method, path }: Route, caller: string | undefined) => {
      const url = `${running.url}${path.replaceAll(/\{[^}]*\}/g, 'no-such-thing')}`;
      const authorization = caller === undefined ? undefined : `Bearer ${caller}`;
      const response = await fetch(url, { method, headers: { ...(authorization && { authorization }) } });
      const { code } = (await response.json().catch(() => ({}))) as { code?: string };
      return code ?? response.status;
    };
    try {
      for (const route of routes) {
        const { method, path: target, scope } = route;
        const seen = {
          nobody: await answer(route, undefined),
          'a wrong secret': await answer(route, `only-${String(scope)}.${randomUUID()}`),
          'all other scopes': await answer(route, credentialOf(`without-${String(scope)}`)),
        };
        const refused = {
          nobody: 'unauthenticated',
          'a wrong secret': 'unauthenticated',
          'all other scopes': 'scope_missing',
        };
        expect({ method, target, ...seen }).toEqual({ method, target, ...refused });
        if (method !== 'GET') continue; // a change is not made for the sake of this test
        const permitted = await answer(route, credentialOf(`only-${String(scope)}`));
        expect(['unauthenticated', 'scope_missing']).not.toContain(permitted);
      }
    } finally {
      await running.stop();
    }
  });
});

/** The examples of the required settings: nothing answers at their addresses, and no route gets so far. */
const exampleEnvironment = (config: (typeof definitions)[number]['config']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(config)
      .filter(([, { schema }]) => !schema.safeParse(undefined).success)
      .map(([key, { example }]) => [key, example]),
  );

async function authKeys(): Promise<Record<string, string>> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'callers-')), 'assertion.pem');
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { SESSION_KEYS: randomBytes(32).toString('base64url'), ASSERTION_KEY_FILES: file };
}
