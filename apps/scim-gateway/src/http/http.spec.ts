import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LIMITS, ScimError } from '#scim';
import { parseBody } from './body.js';
import { BasePaths } from './base-paths.js';
import { RateLimit } from '#platform';
import { isOutdated } from '../resources/quotas.js';
import { toScimError } from './errors.js';
import { answer } from './context.js';
import { FairSlots } from './fair-slots.js';

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

  it('allows a cost beyond the bucket when the bucket is full, and then waits for all of it', () => {
    let now = 0;
    const limit = new RateLimit(10, 100, () => now);
    expect(limit.take('a', 1_000)).toBe(0);
    expect(limit.take('a', 1)).toBe(91);
    now = 91_000;
    expect([limit.take('a', 1), limit.take('a', 50)]).toEqual([0, 5]);
  });

  it('counts costs that were not known before', () => {
    const limit = new RateLimit(10, 100, () => 0);
    expect(limit.take('a', 0)).toBe(0);
    limit.spend('a', 125);
    expect([limit.take('a', 0), limit.take('b', 0)]).toEqual([3, 0]);
  });
});

describe('fair slots', () => {
  /** Work that runs until the test ends it. */
  function scene(total: number, perKey: number) {
    const slots = new FairSlots(total, perKey);
    const running: { key: string; end: (error?: Error) => void }[] = [];
    const start = (key: string) =>
      slots
        .run(
          key,
          () => new Promise<void>((resolve, reject) => running.push({ key, end: (e) => (e ? reject(e) : resolve()) })),
        )
        .catch(() => undefined);
    const turn = async () => void (await new Promise(setImmediate));
    const end = async (key: string, error?: Error) => {
      const index = running.findIndex((work) => work.key === key);
      running.splice(index, 1)[0]?.end(error);
      await turn();
    };
    const keys = async () => (await turn(), running.map((work) => work.key).join(''));
    return { start, end, keys };
  }

  it('leave room for others beside a key that wants everything', async () => {
    const { start, keys } = scene(4, 2);
    for (let i = 0; i < 10; i++) void start('a');
    expect(await keys()).toBe('aa');
    void start('b');
    void start('c');
    expect(await keys()).toBe('aabc');
  });

  it('go to the waiting keys in turn, even if one of them waits with far more work', async () => {
    const { start, end, keys } = scene(1, 1);
    for (const key of 'aaaaabbc') void start(key);
    let order = await keys();
    for (let i = 0; i < 7; i++) {
      await end(order.at(-1) ?? '');
      order += await keys();
    }
    expect(order).toBe('aabcabaa');
  });

  it('become free again after a failure', async () => {
    const { start, end, keys } = scene(1, 1);
    void start('a');
    void start('b');
    await keys();
    await end('a', new Error('failed'));
    expect(await keys()).toBe('b');
    await end('b');
    void start('c');
    expect(await keys()).toBe('c');
  });
});

describe('the count behind a quota', () => {
  const count = (total: number, added: number) => ({ total, added, at: 0 });
  it.each([
    ['is used while much room is left', count(100, 5), 1, 60_000, false],
    ['is repeated after a quarter of an hour', count(100, 0), 1, 15 * 60_000 + 1, true],
    ['is repeated after a minute if little room is left', count(950, 0), 1, 60_001, true],
    ['is repeated once a large part of the room was used', count(200, 100), 1, 1_001, true],
    ['is never the reason to refuse if it is old', count(1_000, 0), 1, 5_001, true],
    ['is the reason to refuse if it is recent', count(1_000, 0), 1, 4_999, false],
  ])('%s', (_, known, more, now, outdated) => {
    expect(isOutdated(known, more, 1_000, now)).toBe(outdated);
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
  ])('has, after %s, the status %i, a trace of its own, and a link to the trace of the client', async (error, code) => {
    const server = { scimHooks: { budgets: { slots: new FairSlots(1, 1) } } };
    const traceId = 'c'.repeat(32);
    const headers = { traceparent: `00-${traceId}-${'d'.repeat(16)}-01` };
    const request = {
      scim: {},
      headers,
      method: 'GET',
      routeOptions: {},
      server,
      socket: {},
    } as unknown as FastifyRequest;
    const work = () => Promise.reject(error);
    await expect(answer(request, {} as FastifyReply, work)).rejects.toBe(error);
    const [span] = exporter.getFinishedSpans();
    expect(span?.status.code).toBe(code);
    expect(request.scim.traceId).toBe(span?.spanContext().traceId);
    expect(request.scim.traceId).not.toBe(traceId);
    expect(span?.links.map((link) => link.context.traceId)).toEqual([traceId]);
  });
});
