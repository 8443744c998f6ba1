/**
 * The two clocks of the guard: a wall clock for claims and a monotonic clock for ages. Tests pass a clock of their own.
 */
export interface Clock {
  /** Returns milliseconds since the epoch, to compare with `exp` and `iat`. */
  now(): number;
  /**
   * Returns milliseconds since an arbitrary start. The value never decreases. The guard uses it for the age of the view
   * and the age of the keys.
   */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
