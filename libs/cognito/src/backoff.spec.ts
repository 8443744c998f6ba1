import { retryDelay } from './backoff.js';

describe('the delay of a retry', () => {
  it('is short and uncounted after throttling, grows to a minute if the result is unknown, and is long after a refusal', () => {
    expect(retryDelay('throttled', 50, () => 1)).toEqual({ delaySeconds: 1, counts: false });
    expect([0, 1, 2, 3, 50].map((n) => retryDelay('retry', n, () => 1).delaySeconds)).toEqual([0.5, 1, 2, 4, 60]);
    expect(retryDelay('retry', 9, () => 0.5).delaySeconds).toBe(30);
    for (const refused of ['permanent', 'conflict'] as const)
      expect(retryDelay(refused, 1)).toEqual({ delaySeconds: 900, counts: true });
  });
});
