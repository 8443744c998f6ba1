/** An internal API accepts known callers, and names them. */
import { Controller, Get, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { acceptedCaller, type Caller } from './callers.js';
import { loadConfig, serviceSettings } from './config.js';
import type { Database } from './database.js';
import { Health } from './health.js';
import { CalledBy, InternalApi, Needs } from './internal-api.js';
import { createLogger } from './logging.js';
import { Metrics } from './metrics.js';
import { createApplication } from './service.js';

@InternalApi()
@Controller('internal')
class InternalController {
  @Get() read(@CalledBy() caller: Caller): string[] {
    return [caller.onBehalfOf(undefined), caller.onBehalfOf('alice')];
  }
  @Post() @Needs('operate') change(): void {
    return undefined;
  }
}

@Module({ controllers: [InternalController] })
class TestModule {}

const [OLD, NEW, EVE] = ['old-secret-of-the-cli', 'new-secret-of-the-cli', 'secret-of-eve'];
const ACCEPTED = [
  acceptedCaller('cli', ['read', 'operate'], OLD),
  acceptedCaller('cli', ['read'], NEW),
  acceptedCaller('eve', ['report-refusals'], EVE),
].join(', ');

async function start(accepted: string): Promise<NestFastifyApplication> {
  const env = { DATABASE_URL: 'postgres://nobody@nowhere/none', INTERNAL_API_CALLERS: accepted };
  const definition = {
    name: 'svc',
    summary: 's',
    config: serviceSettings,
    database: { schema: 'hub' },
    module: () => TestModule,
  };
  const app = await createApplication(definition, {
    service: 'svc',
    config: loadConfig('svc', serviceSettings, env),
    database: {} as Database,
    logger: createLogger('svc', 'silent'),
    metrics: new Metrics('svc', { process: false }),
    health: new Health(),
  });
  await app.init();
  return app;
}

describe('the internal API', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => (app = await start(ACCEPTED)));
  afterAll(() => app.close());
  const call = (authorization: string | undefined, method: 'GET' | 'POST' = 'GET', to = app) =>
    to.inject({ method, url: '/internal', headers: authorization === undefined ? {} : { authorization } });

  it('names the caller by its credential, and the person for whom it acts', async () => {
    expect((await call(`Bearer cli.${OLD}`)).json()).toEqual(['cli', 'cli: alice']);
  });

  it('accepts the old and the new secret of a caller, each with its own scopes', async () => {
    expect((await call(`Bearer cli.${NEW}`)).statusCode).toBe(200);
    expect((await call(`Bearer cli.${OLD}`, 'POST')).statusCode).toBe(201);
    expect((await call(`Bearer cli.${NEW}`, 'POST')).statusCode).toBe(403);
  });

  it('answers 403 to a valid credential without the scope, and names the scope', async () => {
    const answer = await call(`Bearer eve.${EVE}`);
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({ code: 'scope_missing', parameters: { caller: 'eve', scope: 'read' } });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer cli',
    'Bearer cli.',
    `Bearer ${OLD}`,
    `Bearer eve.${OLD}`,
    `Bearer CLI.${OLD}`,
    `Bearer cli.${OLD} `,
    `Bearer cli.${OLD}x`,
    `Bearer cli.${OLD.slice(0, -1)}`,
    `bearer cli.${OLD}`,
    `Basic cli.${OLD}`,
    `Bearer cli.${ACCEPTED.split(':')[2]?.slice(0, 64)}`,
  ])('answers 401 to the credential %j', async (authorization) => {
    const answer = await call(authorization);
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'unauthenticated' });
    expect(answer.body).not.toContain(OLD);
  });

  it('accepts nobody if no caller is configured', async () => {
    const closed = await start('');
    for (const authorization of [undefined, 'Bearer .', 'Bearer cli.', `Bearer cli.${OLD}`])
      expect((await call(authorization, 'GET', closed)).statusCode).toBe(401);
    await closed.close();
  });

  it.each([
    ['an unknown scope', ACCEPTED.replace('read+operate', 'read+everything')],
    ['no scope', ACCEPTED.replace('read+operate', '')],
    ['a secret instead of its hash', `cli:read:${OLD}`],
    ['a caller with other characters', ACCEPTED.replace('cli', 'C l i')],
  ])('does not start with %s, and does not print what was configured', (_what, accepted) => {
    const env = { DATABASE_URL: 'postgres://nobody@nowhere/none', INTERNAL_API_CALLERS: accepted };
    expect(() => loadConfig('svc', serviceSettings, env)).toThrow(/INTERNAL_API_CALLERS has a bad value: each entry/);
    expect(() => loadConfig('svc', serviceSettings, env)).not.toThrow(OLD);
  });

  it('refuses to load a route that changes something and names no scope', () => {
    class Careless {
      erase(): void {
        return undefined;
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Careless.prototype, 'erase') as PropertyDescriptor;
    Post('erase')(Careless.prototype, 'erase', descriptor);
    expect(() => InternalApi()(Careless)).toThrow('Careless.erase changes something');
  });
});
