/**
 * Computes the delay after which a failed Cognito call is retried. The functions are pure, but the delay includes a
 * random jitter.
 */
import type { ErrorClass } from './errors.js';

/**
 * Class of a failure. `conflict` means that the pool has another object with this name. `lease_lost` means that another
 * process has the lease now.
 */
export type FailureClass = ErrorClass | 'conflict' | 'lease_lost';

export interface RetryDelay {
  readonly delaySeconds: number;
  /** True if the failure counts as an attempt. */
  readonly counts: boolean;
}

const PERMANENT_SECONDS = 15 * 60;
const CAP_SECONDS = 60;
const BASE_SECONDS = 0.5;

/**
 * Returns the delay before the next attempt. A throttled call reveals nothing about the account, so it is retried soon.
 * A call with an unknown result is retried with full jitter, after a delay that doubles up to a minute. A refused call
 * is retried only after a long delay, because a retry rarely helps. Until then it is shown as failed, and an operator
 * or a change of the account can retry it at once.
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
 * Returns the log messages for two moments: when calls begin to fail as `config`, and when they succeed again.
 * `meanwhile` says what happens until then.
 */
export const whenMisconfigured = (meanwhile: string): { readonly paused: string; readonly resumed: string } => ({
  paused: `Cognito refuses every call, because the user pool, the Region, the credentials or the plan is wrong. ${meanwhile}. Correct the configuration. Calls are retried every few seconds.`,
  resumed: 'Cognito accepts calls again.',
});
