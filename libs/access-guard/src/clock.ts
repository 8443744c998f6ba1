export interface Clock {
  now(): number;
  /** Milliseconds since an arbitrary start. The value never decreases, so it measures ages. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
