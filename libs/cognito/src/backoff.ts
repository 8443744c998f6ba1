import type { ErrorClass } from './errors.js';

/**
 * `conflict`: the pool's user with the account's name is not ours. `lease_lost`: another process took over the account.
 */
export type FailureClass = ErrorClass | 'conflict' | 'lease_lost';

export interface RetryDelay {
  readonly delaySeconds: number;
  /** Whether the caller must increase `attempts`. */
  readonly counts: boolean;
}

const PERMANENT_SECONDS = 15 * 60;
const CAP_SECONDS = 60;
const BASE_SECONDS = 0.5;

/**
 * Returns the delay before the next attempt, with random jitter. After a throttled call it is at most a second. After
 * an unknown result it doubles up to a minute. After a refused call it is long, because the call rarely succeeds later.
 */
export function retryDelay(failure: FailureClass, attempts: number, random: () => number = Math.random): RetryDelay {
  switch (failure) {
    case 'throttled':
      return { delaySeconds: 0.2 + 0.8 * random(), counts: false };
    case 'config':
    case 'lease_lost':
      return { delaySeconds: random(), counts: false };
    case 'permanent':
    case 'conflict':
      return { delaySeconds: PERMANENT_SECONDS, counts: true };
    default:
      return {
        delaySeconds: Math.min(CAP_SECONDS, BASE_SECONDS * 2 ** Math.min(attempts, 20)) * random(),
        counts: true,
      };
  }
}

/**
 * Returns two log messages: `paused` for when Cognito begins to refuse every call, and `resumed` for when it accepts
 * calls again. `meanwhile` describes the effect, e.g. "Accounts wait".
 */
export const whenMisconfigured = (meanwhile: string): { readonly paused: string; readonly resumed: string } => ({
  paused: `Cognito refuses every call, because the user pool, the Region, the credentials or the plan is wrong. ${meanwhile}. Correct the configuration. StackFlow tries again every few seconds.`,
  resumed: 'Cognito accepts calls again.',
});
