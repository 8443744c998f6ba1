/** When to retry work whose Cognito call failed. Pure, except for the random jitter. */
import type { ErrorClass } from './errors.js';

/** `conflict`: the pool has another object under this name; `lease_lost`: another process has the lease now. */
export type FailureClass = ErrorClass | 'conflict' | 'lease_lost';

export interface RetryDelay {
  readonly delaySeconds: number;
  /** Whether the failure counts as an attempt. */
  readonly counts: boolean;
}

const PERMANENT_SECONDS = 15 * 60;
const CAP_SECONDS = 60;
const BASE_SECONDS = 0.5;

/**
 * A throttled call says nothing about the account, so it is retried soon. A call with an unknown result is retried with
 * full jitter, after a delay that doubles up to a minute. A refused call is retried slowly and stays visible meanwhile;
 * an operator or a change of the account retries it at once.
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

/** Log messages for the moment when calls begin to fail as `config`, and for the end. `meanwhile` names the effect. */
export const whenMisconfigured = (meanwhile: string): { readonly paused: string; readonly resumed: string } => ({
  paused: `Cognito refuses every call: the user pool, the Region, the credentials or the plan is wrong. ${meanwhile}. Correct the configuration; calls are retried every few seconds.`,
  resumed: 'Cognito accepts calls again.',
});
