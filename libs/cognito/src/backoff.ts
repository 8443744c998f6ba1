/** When to try again what Cognito did not take. Pure but for chance. */
import type { ErrorClass } from './errors.js';

/** `conflict`: the pool holds something else under this name; `lease_lost`: another process took over. */
export type FailureClass = ErrorClass | 'conflict' | 'lease_lost';

export interface RetryDelay {
  readonly delaySeconds: number;
  /** Whether it counts as a failed attempt. */
  readonly counts: boolean;
}

const PERMANENT_SECONDS = 15 * 60;
const CAP_SECONDS = 60;
const BASE_SECONDS = 0.5;

/**
 * Throttling says nothing about the account: soon again, with jitter. Doubtful failures: full jitter, doubling, at most
 * a minute. Refusals stay visible and are repeated slowly; the CLI and any change of the account repeat them at once.
 */
export function retryDelay(failure: FailureClass, attempts: number, chance: () => number = Math.random): RetryDelay {
  switch (failure) {
    case 'throttled':
      return { delaySeconds: 0.2 + 0.8 * chance(), counts: false };
    case 'config':
    case 'lease_lost':
      return { delaySeconds: chance(), counts: false };
    case 'permanent':
    case 'conflict':
      return { delaySeconds: PERMANENT_SECONDS, counts: true };
    default:
      return {
        delaySeconds: Math.min(CAP_SECONDS, BASE_SECONDS * 2 ** Math.min(attempts, 20)) * chance(),
        counts: true,
      };
  }
}

/** What is logged when calls fail as `config`, and when they work again. `meanwhile`: what becomes of the work. */
export const whenMisconfigured = (meanwhile: string): { readonly paused: string; readonly resumed: string } => ({
  paused: `Cognito cannot be used as configured (pool, Region, credentials or plan). ${meanwhile}; trying again every few seconds`,
  resumed: 'Cognito can be used again',
});
