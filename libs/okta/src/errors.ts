/** Why a request to Okta failed: one closed list of codes. */

/**
 * - `unauthorized`: Okta refuses the API token, so every other call will fail too
 * - `forbidden`: the token's owner may not read this
 * - `not_found`: there is no such user or app, or the id cannot be one of Okta's
 * - `rate_limited`: repeat it after `retryAfterMs` at the earliest
 * - `unavailable`: no answer, or a 5xx; repeat it later
 * - `invalid_answer`: not an answer of Okta (a proxy's page, a redirect, a link to another address)
 * - `invalid_domain`: the tenant's setting names no Okta org, so nothing was sent
 */
export const oktaErrorCodes = [
  'unauthorized',
  'forbidden',
  'not_found',
  'rate_limited',
  'unavailable',
  'invalid_answer',
  'invalid_domain',
] as const;
export type OktaErrorCode = (typeof oktaErrorCodes)[number];

export interface OktaErrorDetails {
  /** HTTP status of the answer; null without one. */
  readonly status?: number | null;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** The message is a sentence for the administrator. It never contains the token or an attribute of a person. */
export class OktaError extends Error {
  readonly status: number | null;
  readonly retryable: boolean;
  /** Only with `rate_limited`. */
  readonly retryAfterMs: number | null;

  constructor(
    readonly code: OktaErrorCode,
    message: string,
    details: OktaErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.name = 'OktaError';
    this.status = details.status ?? null;
    this.retryable = code === 'rate_limited' || code === 'unavailable';
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/** The error for a refusal. `errorCode` is Okta's own (`E0000011`); null if the body was not Okta's. */
export function refusal(operation: string, status: number, errorCode: string | null): OktaError {
  const said = `${operation}: ${status}${errorCode === null ? '' : ` ${errorCode}`}`;
  if (status === 401)
    return new OktaError(
      'unauthorized',
      `Okta refuses the API token (${said}): it is wrong, was revoked, or expired after 30 days without use. Make a new one in Okta under Security > API > Tokens and connect the tenant with it.`,
      { status },
    );
  if (status === 403)
    return new OktaError(
      'forbidden',
      `The owner of the API token may not read this in Okta (${said}). Let an administrator with at least the read-only role create the token.`,
      { status },
    );
  if (status >= 500 || status === 408)
    return new OktaError('unavailable', `Okta is not available at the moment (${said}).`, { status });
  // An address that is no org answers 404 as well, with a page. Only Okta's own code means that nothing was found.
  if (status === 404 && errorCode === 'E0000007')
    return new OktaError('not_found', `Okta has no such user or app (${said}). Check the app id.`, { status });
  return new OktaError('invalid_answer', `This is no answer of Okta (${said}). Check the domain of the org.`, {
    status,
  });
}
