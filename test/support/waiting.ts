/** Waiting in tests: for an assertion that will hold, or for a condition that will be true. Nothing here asserts a time. */
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 25;

/** Resolves with what `check` returns as soon as it throws nothing; rejects with its last error after `limitMs`. */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = 15_000): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

/** Resolves with the first truthy value that `look` returns; rejects, naming `what` is missing, after `limitMs`. */
export const until = <T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = 15_000,
): Promise<Exclude<T, undefined | null | false | 0 | ''>> =>
  eventually(async () => {
    const value = await look();
    if (!value) throw new Error(`not within ${limitMs} ms: ${what}`);
    return value as Exclude<T, undefined | null | false | 0 | ''>;
  }, limitMs);
