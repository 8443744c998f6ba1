/** OAuth errors, with Okta's wording as far as it is known. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'unsupported_response_mode'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'access_denied'
  | 'login_required';

const STATUS: Partial<Record<OAuthErrorCode, number>> = {
  invalid_client: 401,
  invalid_token: 401,
  insufficient_scope: 403,
};

export class OAuthError extends Error {
  readonly status: number;

  constructor(
    readonly code: OAuthErrorCode,
    description: string,
  ) {
    super(description);
    this.name = 'OAuthError';
    this.status = STATUS[code] ?? 400;
  }

  get body(): { error: OAuthErrorCode; error_description: string } {
    return { error: this.code, error_description: this.message };
  }
}

/**
 * Returns a parameter, or undefined if it is missing or empty. Refuses a repeated parameter (RFC 6749, 3.1), because a
 * proxy could read one value and the server another.
 */
export function parameter(from: unknown, name: string): string | undefined {
  const value = (from as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw new OAuthError('invalid_request', `The '${name}' parameter must appear once.`);
  // Postgres cannot store a NUL character.
  if (value.includes('\0')) throw new OAuthError('invalid_request', `The '${name}' parameter is invalid.`);
  return value;
}

export function required(from: unknown, name: string): string {
  const value = parameter(from, name);
  if (value === undefined) throw new OAuthError('invalid_request', `The '${name}' parameter is required.`);
  return value;
}
