/** Two clocks, passed by hand so that tests can turn them: the wall clock for claims, a monotonic one for ages. */
export interface Clock {
  /** Milliseconds since the epoch; compared with `exp` and `iat`. */
  now(): number;
  /** Milliseconds from an arbitrary start, never set back; measures silence of the feed and the age of keys. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
