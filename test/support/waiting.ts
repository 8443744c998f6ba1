/** Waiting in tests: for an assertion to hold, or for a condition to be true. Nothing here asserts a duration. */
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 25;

/** Calls `check` until it does not throw, and returns its result. After `limitMs`, rejects with its last error. */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = 15_000, pauseMs = PAUSE_MS): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await sleep(pauseMs);
  }
}

/**
 * Calls `look` until it returns a truthy value, and returns that. After `limitMs`, rejects with an error that names
 * `what`.
 */
export const until = <T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = 15_000,
  pauseMs = PAUSE_MS,
): Promise<Exclude<T, undefined | null | false | 0 | ''>> =>
  eventually(
    async () => {
      const value = await look();
      if (!value) throw new Error(`not within ${limitMs} ms: ${what}`);
      return value as Exclude<T, undefined | null | false | 0 | ''>;
    },
    limitMs,
    pauseMs,
  );
