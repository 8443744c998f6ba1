import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LIMITS, ScimError } from '#scim';
import { parseBody } from './body.js';
import { BasePaths } from './base-paths.js';
import { RateLimit } from '#platform';
import { toScimError } from './errors.js';
import { answer } from './context.js';

describe('base paths', () => {
  const bases = new BasePaths({ SCIM_BASE_PATHS: ['prod/api/scim/v2/', '/x'] });
  it.each([
    ['/prod/api/scim/v2/Users?filter=a', '/scim/v2/Users?filter=a'],
    ['/prod/api/scim/v2', '/scim/v2'],
    ['/x/Groups', '/scim/v2/Groups'],
    ['/scim/v2/Users', '/scim/v2/Users'],
    ['/prod/api/scim/v2x/Users', '/prod/api/scim/v2x/Users'],
    ['//prod/api/scim/v2/Users', '//prod/api/scim/v2/Users'],
    ['/prod/api/scim/v2/prod/api/scim/v2/Users', '/scim/v2/prod/api/scim/v2/Users'],
  ])('turn %s into %s', (url, expected) => expect(bases.rewrite(url)).toBe(expected));
});

describe('the rate limit', () => {
  it('allows a burst, then its rate per second, and returns whole seconds to wait', () => {
    let now = 0;
    const limit = new RateLimit(2, 3, () => now);
    expect([1, 2, 3, 4].map(() => limit.take('a'))).toEqual([0, 0, 0, 1]);
    expect(limit.take('b')).toBe(0);
    now = 500;
    expect([limit.take('a'), limit.take('a')]).toEqual([0, 1]);
    now = 100_000;
    expect([1, 2, 3, 4].map(() => limit.take('a'))).toEqual([0, 0, 0, 1]);
  });
});

describe('request bodies', () => {
  const parse = (body: Buffer) => parseBody(body, LIMITS.userBody);
  it('are refused if they are not JSON in UTF-8', async () => {
    expect(await parse(Buffer.from('{"a":"ü"}'))).toEqual({ a: 'ü' });
    expect(await parse(Buffer.alloc(0))).toBeUndefined();
    for (const bytes of [Buffer.from([0xff]), Buffer.from('{"a":"ü"}', 'latin1'), Buffer.from('{"a":1}', 'utf16le')])
      await expect(parse(bytes)).rejects.toThrow(/UTF-8|JSON/);
    await expect(parse(Buffer.from('{'))).rejects.toThrow(/JSON/);
  });
});

describe('thrown values', () => {
  const state = (code: string) => Object.assign(new Error('insert into secret_table failed'), { code });
  it.each([
    [state('57P01'), 503],
    [state('40P01'), 503],
    [state('57014'), 503],
    [state('22021'), 400],
    [state('54000'), 400],
    [state('23505'), 500],
    [Object.assign(new Error('x'), { statusCode: 413 }), 413],
    [Object.assign(new Error('x'), { statusCode: 418 }), 418],
    [null, 500],
    ['thrown text', 500],
  ])('become an answer without internal details: %s is answered %i', (error, status) => {
    const answer = toScimError(error);
    expect(answer.status).toBe(status);
    expect(answer.detail).not.toContain('secret_table');
    expect(status === 503 ? (answer.options.retryAfterSeconds ?? 0) > 0 : true).toBe(true);
  });
});

describe('the span of a request', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  beforeAll(() => provider.register());
  beforeEach(() => exporter.reset());
  afterAll(() => provider.shutdown());

  it.each([
    [new ScimError(404, 'gone'), 0],
    [new ScimError(503, 'away'), 2],
    [new TypeError('bug'), 2],
  ])('has, after %s, the status %i, and the request has its trace id', async (error, code) => {
    const request = { scim: {}, headers: {}, method: 'GET', routeOptions: {} } as unknown as FastifyRequest;
    const work = () => Promise.reject(error);
    await expect(answer(request, {} as FastifyReply, work)).rejects.toBe(error);
    const [span] = exporter.getFinishedSpans();
    expect(span?.status.code).toBe(code);
    expect(request.scim.traceId).toBe(span?.spanContext().traceId);
  });
});
