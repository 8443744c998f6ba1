import { OktaError } from '#okta';
import { SecretStoreUnavailable } from '#secrets';
import { failureCode, failureText, pauseSeconds, TenantPauses } from './pauses.js';

const limited = new OktaError('rate_limited', 'later', { retryAfterMs: 30_000 });
const unavailable = new OktaError('unavailable', 'no answer');
const refused = new OktaError('unauthorized', 'bad token');

describe('checks pause', () => {
  it('for as long as Okta says when its limit is used up, plus jitter', () => {
    expect(pauseSeconds(limited, 0, () => 0)).toBe(30);
    expect(pauseSeconds(limited, 9, () => 0.5)).toBe(30.5);
  });

  it('for longer and longer while Okta is unavailable, up to a minute', () => {
    expect([0, 1, 2, 3].map((n) => pauseSeconds(unavailable, n, () => 1))).toEqual([1, 2, 4, 8]);
    expect(pauseSeconds(unavailable, 1_000, () => 1)).toBe(60);
    expect(pauseSeconds(new SecretStoreUnavailable('x', 'down'), 0, () => 0)).toBe(0.5);
  });

  it('for a minute when an administrator has to correct something', () => {
    expect(pauseSeconds(refused, 0)).toBe(60);
  });

  it('with a code and a text that reveal no internal error', () => {
    expect([limited, new SecretStoreUnavailable('x', 'y'), new Error('secret detail')].map(failureCode)).toEqual([
      'rate_limited',
      'secret_store_unavailable',
      'internal',
    ]);
    expect(failureText(refused)).toBe('bad token');
    expect(failureText(new Error('secret detail'))).not.toContain('secret detail');
  });
});

describe("a tenant's pause", () => {
  it('begins with a failure and ends by itself; checks that fail together are one failure', () => {
    let now = 0;
    const pauses = new TenantPauses(() => now);
    expect(pauses.has('a')).toBe(false);
    expect(pauses.begin('a', limited)).toBeGreaterThanOrEqual(30);
    now = 10_000;
    expect(pauses.begin('a', refused)).toBeLessThanOrEqual(21);
    expect(pauses.tenants()).toEqual(['a']);
    expect(pauses.has('b')).toBe(false);
    now = 31_001;
    expect(pauses.has('a')).toBe(false);
    expect(pauses.tenants()).toEqual([]);
  });

  it('ends at once when the connection changes or Okta answers', () => {
    const pauses = new TenantPauses(() => 0);
    pauses.begin('a', refused);
    pauses.end('a');
    expect(pauses.has('a')).toBe(false);
  });
});
