/** The errors of the token endpoint (RFC 6749 section 5.2, RFC 8693 section 2.2.2). */
import type { OidcErrorCode } from '#okta';
import { isDatabaseOutage } from '#platform';
import { SecretStoreUnavailable } from '#secrets';

/** Reasons to refuse an exchange, each with status and `error`. `error` does not show what would help an attacker. */
const EXCHANGE_ERRORS = {
  malformed: { status: 400, error: 'invalid_request' },
  unsupported_grant: { status: 400, error: 'unsupported_grant_type' },
  unknown_site: { status: 400, error: 'invalid_request' },
  client_unknown: { status: 401, error: 'invalid_client' },
  assertion_invalid: { status: 401, error: 'invalid_client' },
  assertion_replayed: { status: 401, error: 'invalid_client' },
  tenant_not_allowed: { status: 400, error: 'unauthorized_client' },
  kind_not_allowed: { status: 400, error: 'unauthorized_client' },
  audience_not_allowed: { status: 400, error: 'invalid_target' },
  scope_not_allowed: { status: 400, error: 'invalid_scope' },
  token_refused: { status: 400, error: 'invalid_request' },
  token_replayed: { status: 400, error: 'invalid_request' },
  person_refused: { status: 400, error: 'invalid_request' },
  exchange_refused: { status: 400, error: 'invalid_request' },
  signing_out: { status: 503, error: 'temporarily_unavailable' },
  not_provisioned: { status: 503, error: 'temporarily_unavailable' },
  okta_unavailable: { status: 503, error: 'temporarily_unavailable' },
  cognito_unavailable: { status: 503, error: 'temporarily_unavailable' },
  too_fast: { status: 429, error: 'temporarily_unavailable' },
  not_configured: { status: 500, error: 'server_error' },
  unavailable: { status: 503, error: 'temporarily_unavailable' },
  internal: { status: 500, error: 'server_error' },
} as const;
export type ExchangeErrorCode = keyof typeof EXCHANGE_ERRORS;

const RETRY_SECONDS = 5;
export const UNAVAILABLE = 'A part of StackFlow cannot be reached. Try again.';

export class ExchangeError extends Error {
  readonly status: number;
  readonly error: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ExchangeErrorCode,
    /** One sentence for the client's developer. As `error_description`, it must not contain quotes or backslashes. */
    readonly description: string,
    /** Details for the audit. */
    readonly detail: Readonly<Record<string, unknown>> = {},
    { cause, retryAfterSeconds }: { readonly cause?: unknown; readonly retryAfterSeconds?: number } = {},
  ) {
    super(`${code}: ${description}`, { cause });
    this.name = 'ExchangeError';
    ({ status: this.status, error: this.error } = EXCHANGE_ERRORS[code]);
    this.retryAfterSeconds = retryAfterSeconds ?? (this.status === 503 ? RETRY_SECONDS : undefined);
  }
}

const CONFIGURATION_FAULTS: readonly OidcErrorCode[] = [
  'issuer_not_allowed',
  'provider_invalid',
  'client_refused',
  'code_refused',
  'token_response_invalid',
];

export function exchangeCodeOf(code: OidcErrorCode): 'okta_unavailable' | 'not_configured' | 'token_refused' {
  if (code === 'provider_unavailable') return 'okta_unavailable';
  return CONFIGURATION_FAULTS.includes(code) ? 'not_configured' : 'token_refused';
}

/** Converts any thrown value into the error for the caller. */
export function asExchangeError(error: unknown): ExchangeError {
  if (error instanceof ExchangeError) return error;
  if (isDatabaseOutage(error) || error instanceof SecretStoreUnavailable)
    return new ExchangeError('unavailable', UNAVAILABLE, {}, { cause: error });
  return new ExchangeError('internal', 'Something failed on our side. The error is logged.', {}, { cause: error });
}
