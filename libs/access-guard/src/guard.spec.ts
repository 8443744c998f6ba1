import { createLogger, Metrics } from '#platform';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { ManualFeed } from '../../../test/guard/feeds.js';
import { Issuer, nowSeconds, signingKey } from '../../../test/guard/issuer.js';
import { AccessDenied } from './denied.js';
import { AccessGuard, type AccessGuardOptions } from './guard.js';
import type { Refusal } from './refusals.js';

const TENANT = randomUUID();
const logger = createLogger('test', 'silent');
let issuer: Issuer;
let alice: string;
let refusals: [string, Refusal][];
const clock = { offset: 0, now: () => Date.now() + clock.offset, monotonic: () => performance.now() + clock.offset };

beforeAll(async () => void (issuer = await Issuer.start()));
afterAll(() => issuer.close());
beforeEach(() => {
  alice = randomUUID();
  refusals = [];
  clock.offset = 0;
});

function start(options: Partial<AccessGuardOptions> = {}): { guard: AccessGuard; feed: ManualFeed } {
  const feed = new ManualFeed(() => clock.monotonic());
  const onRefused = (id: string, _: Date, refusal: Refusal) => void refusals.push([id, refusal]);
  const guard = new AccessGuard({
    issuer: issuer.issuer,
    jwksUri: issuer.jwksUri,
    clientIds: [issuer.clientId],
    audience: null,
    feed,
    logger,
    clock,
    onRefused,
    ...options,
  });
  guard.start();
  return { guard, feed };
}

const ask = (guard: AccessGuard, token: string, roles?: string[]) =>
  guard.authorize(`Bearer ${token}`, roles).then(
    (access) => access.roles.join(),
    (error: unknown) => (error instanceof AccessDenied ? error.reason : `not an AccessDenied: ${String(error)}`),
  );

test('provides the caller with the roles of the view', async () => {
  const { guard, feed } = start();
  feed.change(alice, TENANT, 1, { roles: ['itsm_manager'] });
  const iat = nowSeconds();
  const access = await guard.authorize(
    `bearer ${issuer.accessToken(alice, { iat, exp: iat + 60, 'cognito:groups': ['super_admin'] })}`,
  );
  expect(access).toEqual({
    accountId: alice,
    tenantId: TENANT,
    roles: ['itsm_manager'],
    actor: null,
    clientId: issuer.clientId,
    issuedAt: iat,
    expiresAt: iat + 60,
  });
});

test.each([[undefined], [''], ['Basic YTpi'], ['Bearer'], ['token'], ['Negotiate x']])(
  'the header %p is no token',
  async (header) => {
    await expect(start().guard.authorize(header)).rejects.toMatchObject({
      reason: 'token_missing',
      status: 401,
      challenge: 'Bearer',
    });
  },
);

describe('a cached token', () => {
  test('is refused with the first request after the fence, while a token issued after reactivation is accepted', async () => {
    const { guard, feed } = start();
    feed.change(alice, TENANT, 1);
    const token = issuer.accessToken(alice, { iat: nowSeconds() - 100 });
    for (let i = 0; i < 3; i++) expect(await ask(guard, token)).toBe('itsm_agent');
    const fence = Date.now() - 50_000;
    feed.change(alice, TENANT, 2, { status: 'inactive', roles: [], notBefore: fence });
    expect(await ask(guard, token)).toBe('account_inactive');
    feed.change(alice, TENANT, 3, { notBefore: fence });
    expect(await ask(guard, token)).toBe('token_revoked');
    expect(await ask(guard, issuer.accessToken(alice))).toBe('itsm_agent');
    feed.change(alice, TENANT, 1);
    expect(await ask(guard, token)).toBe('token_revoked');
  });

  test('loses a role with the first request after the change', async () => {
    const { guard, feed } = start();
    feed.change(alice, TENANT, 1, { roles: ['itsm_manager', 'viewer'] });
    const token = issuer.accessToken(alice);
    expect(await ask(guard, token, ['itsm_manager'])).toBe('itsm_manager,viewer');
    feed.change(alice, TENANT, 2, { roles: ['viewer'] });
    expect(await ask(guard, token, ['itsm_manager'])).toBe('role_missing');
    expect(await ask(guard, token, ['super_admin', 'viewer'])).toBe('viewer');
  });

  test('is refused when it expires', async () => {
    const { guard, feed } = start();
    feed.change(alice, TENANT, 1);
    const token = issuer.accessToken(alice, { exp: nowSeconds() + 60 });
    expect(await ask(guard, token)).toBe('itsm_agent');
    clock.offset = 66_000;
    feed.markComplete();
    expect(await ask(guard, token)).toBe('token_expired');
  });

  test('is refused when the next fetch of the JWKS lacks its key', async () => {
    const { guard, feed } = start();
    feed.change(alice, TENANT, 1);
    const token = issuer.accessToken(alice, { exp: nowSeconds() + 3_600 });
    expect(await ask(guard, token)).toBe('itsm_agent');
    issuer.jwks = () => issuer.publish([signingKey('another')]);
    try {
      clock.offset = 601_000;
      feed.markComplete();
      const fetches = issuer.fetches;
      await ask(guard, token);
      for (let i = 0; i < 1_000 && issuer.fetches === fetches; i++)
        await new Promise((resolve) => setTimeout(resolve, 5));
      for (let i = 0; i < 1_000 && (await ask(guard, token)) === 'itsm_agent'; i++)
        await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await ask(guard, token)).toBe('key_unknown');
    } finally {
      issuer.jwks = () => issuer.publish([issuer.key, issuer.idKey]);
    }
  });

  test('is treated like one that is not cached, whatever happens in between', async () => {
    const caching = start();
    const uncached = start({ cachedTokens: 0 });
    const base = nowSeconds();
    const tokens = [-30, -3, -2, -1, 0].map((age) => issuer.accessToken(alice, { iat: base + age }));
    const step = fc.oneof(
      fc.record({ ask: fc.nat(tokens.length - 1) }),
      fc.record({
        version: fc.integer({ min: 1, max: 9 }),
        status: fc.constantFrom('active' as const, 'inactive' as const),
        fence: fc.option(fc.integer({ min: -35_000, max: 1_000 })),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        alice = randomUUID();
        const mine = tokens.map((_, i) => issuer.accessToken(alice, { iat: base + ([-30, -3, -2, -1, 0][i] ?? 0) }));
        let truth = { version: 0, status: 'unknown', fence: null as number | null };
        for (const s of steps) {
          if ('ask' in s) {
            const answers = [await ask(caching.guard, mine[s.ask] ?? ''), await ask(uncached.guard, mine[s.ask] ?? '')];
            expect(answers[0]).toBe(answers[1]);
            const issuedAt = base + ([-30, -3, -2, -1, 0][s.ask] ?? 0);
            if (truth.status !== 'active' || (truth.fence !== null && issuedAt * 1000 <= truth.fence))
              expect(answers[0]).toMatch(/account_|token_revoked/);
          } else {
            const notBefore = s.fence === null ? null : base * 1000 + s.fence;
            for (const { feed } of [caching, uncached])
              feed.change(alice, TENANT, s.version, { status: s.status, notBefore });
            if (s.version > truth.version) truth = { version: s.version, status: s.status, fence: notBefore };
          }
          for (const { feed } of [caching, uncached]) feed.markComplete();
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('freshness', () => {
  test('goes from bootstrapping to live, to stale, and back to live', async () => {
    const { guard, feed } = start();
    feed.complete = undefined;
    feed.change(alice, TENANT, 1);
    const [old, young] = [issuer.accessToken(alice, { iat: nowSeconds() - 400 }), issuer.accessToken(alice)];
    expect(guard.freshness()).toEqual({ state: 'bootstrapping', lagMs: Infinity, asOf: null, accounts: 1 });
    await expect(guard.authorize(`Bearer ${young}`)).rejects.toMatchObject({
      reason: 'view_not_ready',
      status: 503,
      retryAfterSeconds: 1,
      challenge: undefined,
    });
    const before = clock.now();
    feed.markComplete();
    const after = clock.now();
    expect(guard.freshness().state).toBe('live');
    expect(await ask(guard, old)).toBe('itsm_agent');
    clock.offset = 10_500;
    expect(guard.freshness().state).toBe('stale');
    const asOf = guard.freshness().asOf?.getTime();
    expect(asOf).toBeGreaterThanOrEqual(before - 1); // the two clocks round differently
    expect(asOf).toBeLessThanOrEqual(after + 1);
    expect(guard.freshness().lagMs).toBeGreaterThanOrEqual(10_500);
    expect(await ask(guard, old)).toBe('token_too_old_for_stale_view');
    expect(await ask(guard, young)).toBe('itsm_agent');
    feed.markComplete();
    expect(await ask(guard, old)).toBe('itsm_agent');
  });
});

test('an unreadable record removes the access of its account, and of no other', async () => {
  const { guard, feed } = start();
  const bob = randomUUID();
  for (const id of [alice, bob]) feed.change(id, TENANT, 1);
  feed.sink?.unreadable(TENANT, alice, 'status "held" is unknown');
  feed.sink?.unreadable('', '', 'no key');
  expect([await ask(guard, issuer.accessToken(alice)), await ask(guard, issuer.accessToken(bob))]).toEqual([
    'account_inactive',
    'itsm_agent',
  ]);
  feed.sink?.removed(TENANT, bob);
  expect(await ask(guard, issuer.accessToken(bob))).toBe('account_inactive');
});

describe('the first refusal after a fence', () => {
  test('is reported once per fence, with account, tenant and reason; other refusals are not', async () => {
    const { guard, feed } = start();
    const token = issuer.accessToken(alice, { iat: nowSeconds() - 100 });
    await ask(guard, token);
    await ask(guard, 'garbage');
    expect(refusals).toEqual([]);
    const first = Date.now() - 60_000;
    feed.change(alice, TENANT, 1, { status: 'inactive', notBefore: first });
    for (let i = 0; i < 3; i++) await ask(guard, token);
    const second = Date.now() - 30_000;
    feed.change(alice, TENANT, 2, { status: 'active', notBefore: second });
    for (let i = 0; i < 3; i++) await ask(guard, token);
    expect(refusals).toEqual([
      [alice, { tenantId: TENANT, reason: 'account_inactive', notBefore: first }],
      [alice, { tenantId: TENANT, reason: 'token_revoked', notBefore: second }],
    ]);
  });

  test('is not affected by a failing callback', async () => {
    for (const onRefused of [
      () => Promise.reject(new Error('away')),
      () => {
        throw new Error('broken');
      },
    ]) {
      const { guard, feed } = start({ onRefused });
      feed.change(alice, TENANT, 1, { status: 'inactive' });
      expect(await ask(guard, issuer.accessToken(alice))).toBe('account_inactive');
    }
  });
});

test('counts every outcome, and measures how far the view is behind', async () => {
  const metrics = new Metrics('test', { process: false });
  const { guard, feed } = start({ registry: metrics.registry });
  feed.change(alice, TENANT, 1);
  const token = issuer.accessToken(alice);
  for (let i = 0; i < 3; i++) await ask(guard, token);
  await ask(guard, token, ['super_admin']);
  await ask(guard, 'garbage');
  clock.offset = 3_000;
  for (let scrape = 0; scrape < 2; scrape++) {
    const before = guard.freshness().lagMs;
    const text = await metrics.registry.metrics();
    const after = guard.freshness().lagMs;
    expect(text).toMatch(/access_guard_decisions_total{outcome="allowed"[^}]*} 3\n/);
    expect(text).toMatch(/access_guard_decisions_total{outcome="role_missing"[^}]*} 1\n/);
    expect(text).toMatch(/access_guard_decisions_total{outcome="token_malformed"[^}]*} 1\n/);
    expect(text).toMatch(/access_guard_accounts{[^}]*} 1\n/);
    // Between the guard's own answers before and after the scrape, however long the machine pauses.
    const lagMs = Number(/access_guard_lag_seconds{[^}]*} ([\d.]+)/.exec(text)?.[1]) * 1_000;
    expect(before).toBeGreaterThanOrEqual(3_000);
    expect(lagMs).toBeGreaterThanOrEqual(before - 1);
    expect(lagMs).toBeLessThanOrEqual(after + 1);
  }
});

test.each([[''], ['cognito.example/pool'], ['http://cognito.example/pool']])(
  'names the option and the value if a URL is %p',
  (value) => {
    const got = `must be an https URL, or http on this machine, got "${value}"`;
    expect(() => start({ issuer: value })).toThrow(`issuer ${got}`);
    expect(() => start({ jwksUri: value })).toThrow(`jwksUri ${got}`);
  },
);

test('accepts an issuer on this machine without https', () => {
  expect(() => start({ issuer: 'http://localhost:9229/local', jwksUri: undefined })).not.toThrow();
});

test('refuses to start without a client id', () => {
  expect(() => start({ clientIds: ''.split(',') })).toThrow('clientIds is empty, so no token would ever be accepted');
});

test('warns once if a valid token is refused while the feed has no account, and not if it has one', async () => {
  const lines: string[] = [];
  const listening = createLogger('test', 'warn', { write: (line) => void lines.push(line) });
  const { guard, feed } = start({ logger: listening });
  expect(lines).toEqual([]);
  for (let i = 0; i < 2; i++) expect(await ask(guard, issuer.accessToken(alice))).toBe('account_unknown');
  expect(lines).toEqual([expect.stringContaining('Check that this role may read identity.access')]);
  feed.change(alice, TENANT, 1);
  expect(await ask(guard, issuer.accessToken(randomUUID()))).toBe('account_unknown');
  expect(lines).toHaveLength(1);
});
