/**
 * - `unauthorized`: Okta refuses the API token, so every other call will fail too
 * - `forbidden`: the token's owner may not read this
 * - `not_found`: there is no such user or app, or the id does not have the form of an Okta id
 * - `rate_limited`: the rate limit is used up; repeat the request after `retryAfterMs` at the earliest
 * - `unavailable`: Okta did not answer, or answered 5xx; repeat the request later
 * - `invalid_answer`: the response is not from Okta's API (a proxy's page, a redirect, a link to another address)
 * - `invalid_domain`: the tenant's setting is not the domain of an Okta org, so nothing was sent
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
  /** Null if there was no response. */
  readonly status?: number | null;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * A failed request to Okta. The message is a sentence for the administrator; it never contains the token or an
 * attribute of a person.
 */
export class OktaError extends Error {
  readonly status: number | null;
  readonly retryable: boolean;
  /** Milliseconds to wait before the request is repeated. It is set only for `rate_limited`. */
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

/**
 * Returns the error for a refused request. `errorCode` is Okta's own code (`E0000011`), or null if the body was not
 * from Okta.
 */
export function refusal(operation: string, status: number, errorCode: string | null): OktaError {
  const said = `${operation}: ${status}${errorCode === null ? '' : ` ${errorCode}`}`;
  if (status === 401)
    return new OktaError(
      'unauthorized',
      `Okta refuses the API token (${said}): it is wrong, was revoked, or expired after 30 days without use. Create a new token in Okta under Security > API > Tokens and connect the tenant with it.`,
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
  // A server that is not an Okta org also answers 404, with a page. Only Okta's own code means that nothing was found.
  if (status === 404 && errorCode === 'E0000007')
    return new OktaError('not_found', `Okta has no such user or app (${said}). Check the app id.`, { status });
  return new OktaError('invalid_answer', `This response is not from Okta (${said}). Check the domain of the org.`, {
    status,
  });
}
