/** The wall clock for claims and a monotonic clock for ages; a parameter, so that tests can move them. */
export interface Clock {
  /** Milliseconds since the epoch; compared with `exp` and `iat`. */
  now(): number;
  /** Milliseconds from an arbitrary start, never set back; for the silence of the feed and the age of keys. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
