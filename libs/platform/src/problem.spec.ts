/** Problems and health checks over HTTP. */
import { jest } from '@jest/globals';
import { Controller, Get, Module, NotFoundException, UseFilters } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { serviceSettings } from './config.js';
import { Database } from './database.js';
import { Health } from './health.js';
import { createLogger } from './logging.js';
import { Metrics, sharedRead } from './metrics.js';
import { Problem, ProblemFilter, toProblem } from './problem.js';
import { createApplication } from './service.js';

const lines: string[] = [];
const logger = createLogger('svc', 'info', { write: (line) => void lines.push(line) });

@Controller('fail')
@UseFilters(new ProblemFilter(logger))
class FailingController {
  constructor(private readonly connection: Database) {}
  @Get('problem') problem(): never {
    throw new Problem('unavailable', 'Come back later.', 7);
  }
  @Get('bug') bug(): never {
    throw new Error('select * from secret_table -- postgres://u:hunter2@db');
  }
  @Get('database') async database(): Promise<void> {
    await this.connection.query('select pg_terminate_backend(pg_backend_pid())');
  }
  @Get('value') async value(): Promise<void> {
    await this.connection.query('select $1::text', ['\0']);
  }
  @Get('missing') missing(): never {
    throw new NotFoundException('There is no such thing.');
  }
}

@Module({ controllers: [FailingController] })
class TestModule {}

let testDatabase: TestDatabase;
let database: Database;
let app: NestFastifyApplication;
const health = new Health();
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = await Database.connect({ url: testDatabase.url('integration-hub'), schema: 'hub' });
  const definition = {
    name: 'svc',
    summary: 's',
    config: serviceSettings,
    database: { schema: 'hub' },
    module: () => TestModule,
  };
  app = await createApplication(definition, {
    service: 'svc',
    config: {} as never,
    database,
    logger,
    metrics: new Metrics('svc', { process: false }),
    health,
  });
  await app.init();
});
afterAll(async () => {
  await app.close();
  await database.close();
  await testDatabase.drop();
});
beforeEach(() => void lines.splice(0));

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });

describe('an error', () => {
  it('that is a problem is answered according to RFC 9457', async () => {
    const answer = await get('/fail/problem');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers).toMatchObject({
      'content-type': expect.stringContaining('application/problem+json'),
      'retry-after': '7',
    });
    expect(answer.json()).toEqual({
      type: 'about:blank',
      status: 503,
      code: 'unavailable',
      detail: 'Come back later.',
    });
  });

  it('that is a bug discloses nothing internal to the caller, and is logged without secrets', async () => {
    const answer = await get('/fail/bug');
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toMatch(/select|secret_table|hunter2|at /);
    expect(answer.json()).toMatchObject({ code: 'internal' });
    expect(lines.join()).toContain('secret_table');
    expect(lines.join()).not.toContain('hunter2');
  });

  it('of an unavailable database is answered as temporary', async () => {
    const answer = await get('/fail/database');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
  });

  it('of a value that the database cannot store is an invalid request', async () => {
    const answer = await get('/fail/value');
    expect([answer.statusCode, answer.json<{ code?: string }>().code]).toEqual([400, 'invalid_request']);
    expect(answer.body).not.toMatch(/UTF8|byte/);
  });

  it('of HTTP keeps its status and gets a code', async () => {
    expect((await get('/fail/missing')).json()).toEqual({
      type: 'about:blank',
      status: 404,
      code: 'not_found',
      detail: 'There is no such thing.',
    });
    expect(toProblem({ statusCode: 413 })).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(toProblem(null)).toMatchObject({ status: 500 });
  });
});

describe('health', () => {
  it('is ready when every check passes, live regardless of readiness checks, and names the failing one', async () => {
    let reason: string | null = null;
    health.add('ready', 'neighbour', () => (reason === null ? Promise.resolve() : Promise.reject(new Error(reason))));
    expect([(await get('/health/ready')).statusCode, (await get('/health/live')).statusCode]).toEqual([200, 200]);
    reason = 'not there';
    const answer = await get('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ status: 'unavailable', checks: { database: 'ok', neighbour: 'not there' } });
    expect((await get('/health/live')).statusCode).toBe(200);
  });

  it('limits the time of a check', async () => {
    const stuck = new Health();
    stuck.add('ready', 'stuck', () => new Promise(() => undefined));
    stuck.add('ready', 'fine', () => Promise.resolve());
    stuck.add('ready', 'stuck too', () => new Promise(() => undefined));
    jest.useFakeTimers();
    try {
      const report = stuck.report('ready');
      await jest.advanceTimersByTimeAsync(2_000); // the limit of all checks together
      expect(await report).toEqual({
        ok: false,
        checks: { stuck: 'no answer within 2000 ms', fine: 'ok', 'stuck too': 'no answer within 2000 ms' },
      });
    } finally {
      jest.useRealTimers();
    }
  });

  it('serves metrics with the name of the service', async () => {
    const metrics = new Metrics('other', { process: false });
    metrics.counter('things', 'Things', ['kind']).inc({ kind: 'a' });
    expect(metrics.counter('things', 'Things', ['kind'])).toBe(metrics.counter('things', 'Things', ['kind']));
    expect(await metrics.registry.metrics()).toContain('things{kind="a",service="other"} 1');
    expect((await get('/metrics')).headers['content-type']).toContain('text/plain');
  });

  it('shows the values of one scrape in gauges that share a read, whichever is registered first', async () => {
    const metrics = new Metrics('other', { process: false });
    let reads = 0;
    const read = sharedRead(async () => {
      await Promise.resolve();
      reads++;
      age.set(reads);
      depth.set(reads);
    });
    const age = metrics.gauge('age', 'Age', [], read);
    const depth = metrics.gauge('depth', 'Depth', [], read);
    for (const scrape of [1, 2]) {
      const text = await metrics.registry.metrics();
      expect(text).toContain(`age{service="other"} ${scrape}`);
      expect(text).toContain(`depth{service="other"} ${scrape}`);
    }
  });
});
