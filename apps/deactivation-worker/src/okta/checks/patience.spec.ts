import { OktaError } from '#okta';
import { SecretStoreUnavailable } from '#secrets';
import { failureCode, failureText, waitSeconds } from './patience.js';
import { TenantPauses } from './tenant-pauses.js';

const limited = new OktaError('rate_limited', 'later', { retryAfterMs: 30_000 });
const away = new OktaError('unavailable', 'no answer');
const refused = new OktaError('unauthorized', 'bad token');

describe('how long hints wait', () => {
  it('as long as Okta says when its limit is used up, with jitter above it', () => {
    expect(waitSeconds(limited, 0, () => 0)).toBe(30);
    expect(waitSeconds(limited, 9, () => 0.5)).toBe(30.5);
  });

  it('longer and longer while Okta is away, up to a minute', () => {
    expect([0, 1, 2, 3].map((n) => waitSeconds(away, n, () => 1))).toEqual([1, 2, 4, 8]);
    expect(waitSeconds(away, 1_000, () => 1)).toBe(60);
    expect(waitSeconds(new SecretStoreUnavailable('x', 'down'), 0, () => 0)).toBe(0.5);
  });

  it('a minute when somebody has to put it right', () => {
    expect(waitSeconds(refused, 0)).toBe(60);
  });

  it('and says why, without what is only for the log', () => {
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
  it('begins with a failure, ends by itself, and questions that failed together are one failure', () => {
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
