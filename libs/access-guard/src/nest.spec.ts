import {
  createApplication,
  createLogger,
  Health,
  Metrics,
  ProblemFilter,
  serviceSettings,
  type PlatformContext,
} from '#platform';
import { Controller, Get, Module, type DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import { ManualFeed } from '../../../test/guard/feeds.js';
import { Issuer } from '../../../test/guard/issuer.js';
import type { CallerAccess } from './guard.js';
import { AccessGuardModule, Caller, Public, Roles } from './nest.js';

const logger = createLogger('test', 'silent');
const TENANT = randomUUID();
const alice = randomUUID();

@Controller('things')
@Roles('viewer', 'itsm_agent')
class ThingsController {
  @Get()
  list(@Caller() caller: CallerAccess) {
    return caller;
  }

  @Get('managed')
  @Roles('itsm_manager')
  managed() {
    return 'managed';
  }

  @Get('open')
  @Public()
  open() {
    return 'open';
  }
}

@Controller('forgotten')
class ForgottenController {
  @Get()
  noDecorator() {
    return 'anyone with a token';
  }
}

let issuer: Issuer;
let feed: ManualFeed;
let health: Health;
let app: NestFastifyApplication;

beforeAll(async () => void (issuer = await Issuer.start()));
afterAll(() => issuer.close());
afterEach(() => app.close());

async function start(configure?: (app: NestFastifyApplication) => void): Promise<void> {
  feed = new ManualFeed();
  health = new Health();
  const guard = AccessGuardModule.forRoot({
    issuer: issuer.issuer,
    jwksUri: issuer.jwksUri,
    clientIds: [issuer.clientId],
    audience: null,
    feed,
    logger,
    health,
  });
  @Module({})
  class TestModule {}
  const module: DynamicModule = {
    module: TestModule,
    imports: [guard],
    controllers: [ThingsController, ForgottenController],
  };
  const platform = {
    service: 'test',
    config: {},
    database: { query: () => Promise.resolve([]) },
    logger,
    health,
    metrics: new Metrics('test', { process: false }),
  } as unknown as PlatformContext<never>;
  app = await createApplication(
    { name: 'test', summary: '', config: serviceSettings, database: { schema: 'x' }, module: () => module, configure },
    platform,
  );
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  feed.change(alice, TENANT, 1, { roles: ['viewer'] });
}

const get = (url: string, token?: string) =>
  app.inject({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });

test('provides the caller to a handler, and answers 401 without a token and 403 without the role', async () => {
  await start();
  const token = issuer.accessToken(alice);
  const ok = await get('/things', token);
  expect([ok.statusCode, ok.json<CallerAccess>()]).toMatchObject([
    200,
    { accountId: alice, tenantId: TENANT, roles: ['viewer'] },
  ]);

  const anonymous = await get('/things');
  expect([anonymous.statusCode, anonymous.headers['www-authenticate']]).toEqual([401, 'Bearer']);
  expect(anonymous.headers['content-type']).toMatch('application/problem+json');
  expect(anonymous.json()).toMatchObject({ status: 401, code: 'unauthenticated', reason: 'token_missing' });

  const missing = await get('/things/managed', token);
  expect(missing.json()).toMatchObject({ status: 403, code: 'forbidden', reason: 'role_missing' });
  expect(missing.headers['www-authenticate']).toMatch(
    /^Bearer error="insufficient_scope", error_description="[^"\\]+"$/,
  );
});

test('a fence refuses a token that was accepted a moment ago', async () => {
  await start();
  const token = issuer.accessToken(alice);
  expect((await get('/things', token)).statusCode).toBe(200);
  feed.change(alice, TENANT, 2, { status: 'inactive', roles: [] });
  const refused = await get('/things', token);
  expect(refused.json()).toMatchObject({ status: 401, reason: 'account_inactive' });
  expect(refused.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token"/);
});

test('a handler without a decorator needs a token, health checks and public handlers need none', async () => {
  await start();
  expect((await get('/forgotten')).statusCode).toBe(401);
  expect((await get('/forgotten', issuer.accessToken(alice))).payload).toBe('anyone with a token');
  expect((await get('/things/open')).payload).toBe('open');
  expect((await get('/health/live')).statusCode).toBe(200);
});

test('is not ready, and answers 503 with Retry-After, before the view is complete', async () => {
  await start();
  expect((await get('/health/ready')).statusCode).toBe(200);
  feed.complete = undefined;
  expect((await get('/health/ready')).statusCode).toBe(503);
  const refused = await get('/things', issuer.accessToken(alice));
  expect([refused.statusCode, refused.headers['retry-after'], refused.headers['www-authenticate']]).toEqual([
    503,
    '1',
    undefined,
  ]);
});

test('gives the same answer through a catch-all filter of the application', async () => {
  await start((application) => void application.useGlobalFilters(new ProblemFilter(logger)));
  const refused = await get('/things', 'garbage');
  expect(refused.statusCode).toBe(401);
  expect(refused.headers['content-type']).toMatch('application/problem+json');
  expect(refused.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token"/);
  expect(refused.json()).toMatchObject({
    code: 'unauthenticated',
    detail: 'The bearer token is not a JSON Web Token.',
  });
});
