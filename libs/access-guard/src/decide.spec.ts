import fc from 'fast-check';
import { AccessDenied, type DenialReason } from './denied.js';
import { decide, defaultPolicy, isFenced, type AccessPolicy } from './decide.js';
import type { AccessEntry } from './view.js';

const NOW = 1_700_000_000_000;
const entry = (change: Partial<AccessEntry> = {}): AccessEntry => ({
  tenantId: 't1',
  status: 'active',
  roles: ['viewer'],
  notBefore: null,
  version: 1,
  ...change,
});
const token = (ageSeconds: number, change = {}) => ({
  issuedAt: NOW / 1000 - ageSeconds,
  tenantId: undefined,
  groups: ['super_admin'],
  ...change,
});
const outcome = (
  ...[t, e, state = 'live', policy = defaultPolicy]: [
    ReturnType<typeof token>,
    AccessEntry | undefined,
    ('bootstrapping' | 'live' | 'stale')?,
    AccessPolicy?,
  ]
) => {
  const decision = decide(t, e, state, policy, NOW);
  return decision.allowed ? decision.roles.join() : decision.reason;
};

describe('the fence', () => {
  const fence = 1_700_000_000_500;
  test.each([
    ['a second before it', 1_699_999_999, true],
    ['in its second, be it before or after', 1_700_000_000, true],
    ['in the second after it', 1_700_000_001, false],
  ])('a token issued %s', (_, issuedAt, refused) => {
    expect(isFenced(issuedAt, fence)).toBe(refused);
    expect(outcome({ issuedAt, tenantId: undefined, groups: [] }, entry({ notBefore: fence }))).toBe(
      refused ? 'token_revoked' : 'viewer',
    );
  });

  test('at a whole second also refuses tokens of that second', () => {
    expect(isFenced(1_700_000_000, 1_700_000_000_000)).toBe(true);
    expect(isFenced(1_700_000_001, 1_700_000_000_000)).toBe(false);
  });

  test('accepts no token that may have been issued before it, at any fraction of a second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2e12 }), fc.integer({ min: -5_000, max: 5_000 }), (notBefore, offset) => {
        const issuedAtMs = Math.max(0, notBefore + offset);
        const fenced = isFenced(Math.floor(issuedAtMs / 1000), notBefore);
        if (issuedAtMs <= notBefore) expect(fenced).toBe(true);
        if (issuedAtMs >= notBefore + 1000) expect(fenced).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is independent of the clock of this machine', () => {
    for (const clock of [0, NOW, NOW * 2])
      expect(decide(token(10), entry({ notBefore: NOW }), 'live', defaultPolicy, clock)).toMatchObject({
        reason: 'token_revoked',
      });
  });
});

test.each(['inactive', 'removed', 'unreadable'] as const)(
  'an account that is %s has no access, however new the token',
  (status) => {
    for (const state of ['live', 'stale'] as const)
      expect(outcome(token(0), entry({ status }), state)).toBe('account_inactive');
  },
);

test('takes roles from the view, not from the token', () => {
  expect(outcome(token(0), entry({ roles: ['viewer', 'itsm_agent'] }))).toBe('viewer,itsm_agent');
  expect(outcome(token(0), entry({ roles: [] }))).toBe('');
});

test('refuses a token of another tenant, and takes the tenant of the account if the token names none', () => {
  expect(outcome(token(0, { tenantId: 't2' }), entry())).toBe('tenant_mismatch');
  expect(decide(token(0), entry(), 'live', defaultPolicy, NOW)).toMatchObject({ tenantId: 't1' });
  expect(outcome(token(0, { tenantId: 't1' }), entry())).toBe('viewer');
});

test('accepts an old token while the view is current, and a token of any time without a fence', () => {
  expect(outcome(token(86_400), entry())).toBe('viewer');
  expect(isFenced(0, null)).toBe(false);
});

describe('while the feed is silent', () => {
  test.each([
    [0, 'viewer'],
    [300, 'viewer'],
    [301, 'token_too_old_for_stale_view'],
  ])('a token of %d s: %s', (age, result) => expect(outcome(token(age), entry(), 'stale')).toBe(result));

  test('a known fence also refuses young tokens', () => {
    expect(outcome(token(10), entry({ notBefore: NOW }), 'stale')).toBe('token_revoked');
  });

  test('the accepted age is a setting, and 0 refuses all tokens', () => {
    const policy: AccessPolicy = { ...defaultPolicy, stale: { afterMs: 1, acceptTokensYoungerThanMs: 0 } };
    expect(outcome(token(1), entry(), 'stale', policy)).toBe('token_too_old_for_stale_view');
  });
});

describe('an account that the view does not know', () => {
  const accept: AccessPolicy = { ...defaultPolicy, unknownAccount: 'accept' };
  test('is refused by default', () => expect(outcome(token(0), undefined)).toBe('account_unknown'));
  test('has the groups of its token where the policy accepts it', () => {
    expect(outcome(token(0), undefined, 'live', accept)).toBe('super_admin');
    expect(decide(token(0, { tenantId: 't9' }), undefined, 'live', accept, NOW)).toMatchObject({ tenantId: 't9' });
    expect(decide(token(0), undefined, 'live', accept, NOW)).toMatchObject({ tenantId: null });
  });
  test('is also subject to the stale policy', () =>
    expect(outcome(token(301), undefined, 'stale', accept)).toBe('token_too_old_for_stale_view'));
});

test('refuses everybody before the view is complete for the first time', () => {
  expect(outcome(token(0), entry(), 'bootstrapping')).toBe('view_not_ready');
  expect(outcome(token(0), undefined, 'bootstrapping', { ...defaultPolicy, unknownAccount: 'accept' })).toBe(
    'view_not_ready',
  );
});

describe('the answer to a refused caller', () => {
  const json = { 'content-type': 'application/problem+json' };
  test.each<[DenialReason, number, string, Record<string, string>]>([
    ['token_missing', 401, 'unauthenticated', { ...json, 'www-authenticate': 'Bearer' }],
    [
      'token_revoked',
      401,
      'unauthenticated',
      { ...json, 'www-authenticate': `Bearer error="invalid_token", error_description="Don't: 'a' 'b'."` },
    ],
    [
      'role_missing',
      403,
      'forbidden',
      { ...json, 'www-authenticate': `Bearer error="insufficient_scope", error_description="Don't: 'a' 'b'."` },
    ],
    ['view_not_ready', 503, 'unavailable', { ...json, 'retry-after': '1' }],
  ])('with the reason %s', (reason, status, code, headers) => {
    const detail = `Don't: "a" \\b\n.`;
    const denied = new AccessDenied(reason, detail);
    expect(denied.headers).toStrictEqual(headers);
    expect(denied.body).toStrictEqual({ type: 'about:blank', status, code, reason, detail });
    expect([denied.status, denied.statusCode, denied.message, denied.name]).toEqual([
      status,
      status,
      detail,
      'AccessDenied',
    ]);
    expect(denied.retryAfterSeconds).toBe(status === 503 ? 1 : undefined);
  });
});
