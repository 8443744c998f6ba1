/** How long a tenant's questions wait after one that Okta did not answer. Pure but for chance. */
import { OktaError } from '#okta';
import { SecretStoreUnavailable } from '#secrets';

/** What a person has to put right (token, rights, domain) is tried again this often; a new connection is tried at once. */
const REFUSED_SECONDS = 60;
const CAP_SECONDS = 60;

export function waitSeconds(error: unknown, failures: number, chance: () => number = Math.random): number {
  if (error instanceof OktaError) {
    if (error.retryAfterMs !== null) return error.retryAfterMs / 1_000 + chance();
    if (!error.retryable) return REFUSED_SECONDS;
  }
  return Math.min(CAP_SECONDS, 2 ** Math.min(failures, 10)) * (0.5 + 0.5 * chance());
}

/** For logs, metrics and the rows. */
export function failureCode(error: unknown): string {
  if (error instanceof OktaError) return error.code;
  return error instanceof SecretStoreUnavailable ? 'secret_store_unavailable' : 'internal';
}

/** What no code explains is a fault of ours: its message stays in the log. */
export const failureText = (error: unknown): string =>
  error instanceof OktaError || error instanceof SecretStoreUnavailable
    ? error.message
    : 'Something failed on our side; the log of deactivation-worker says what.';
