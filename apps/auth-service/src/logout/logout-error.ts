/** Reasons to refuse a Universal Logout, with the statuses of the Global Token Revocation draft (section 3.4.2). */
import type { OidcErrorCode } from '#okta';

const LOGOUT_ERRORS = {
  malformed: 400,
  token_missing: 401,
  token_refused: 401,
  token_replayed: 401,
  not_configured: 401,
  client_not_allowed: 403,
  unknown_site: 404,
  unknown_person: 404,
  too_many_accounts: 422,
  too_fast: 429,
  okta_unavailable: 503,
  unavailable: 503,
  internal: 500,
} as const;
export type LogoutErrorCode = keyof typeof LOGOUT_ERRORS;

const RETRY_SECONDS = 5;

export class LogoutError extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: LogoutErrorCode,
    /** One sentence for the administrator, who finds it in Okta's System Log. */
    readonly sentence: string,
    /** Details for the audit. */
    readonly detail: Readonly<Record<string, unknown>> = {},
    { cause, retryAfterSeconds }: { readonly cause?: unknown; readonly retryAfterSeconds?: number } = {},
  ) {
    super(`${code}: ${sentence}`, { cause });
    this.name = 'LogoutError';
    this.status = LOGOUT_ERRORS[code];
    this.retryAfterSeconds = retryAfterSeconds ?? (this.status === 503 ? RETRY_SECONDS : undefined);
  }
}

const OF_OIDC: Partial<Record<OidcErrorCode, LogoutErrorCode>> = {
  provider_unavailable: 'okta_unavailable',
  provider_invalid: 'okta_unavailable',
  issuer_not_allowed: 'not_configured',
  client_mismatch: 'client_not_allowed',
};

/** An OIDC error without a reason of its own means that the token was refused. */
export const logoutCodeOf = (code: OidcErrorCode): LogoutErrorCode => OF_OIDC[code] ?? 'token_refused';
