/** The wall clock for claims and a monotonic clock for ages. It is an option, so that tests can set the time. */
export interface Clock {
  /** Returns milliseconds since the epoch, to compare with `exp` and `iat`. */
  now(): number;
  /**
   * Returns milliseconds since an arbitrary start. The value never decreases. It measures the silence of the feed and
   * the age of keys.
   */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
