import { Problem } from '#platform';

/** The HTTP status of each reason. 401: another token may help. 403: no token helps. 503: a retry may help. */
const DENIALS = {
  token_missing: 401,
  token_malformed: 401,
  algorithm_not_allowed: 401,
  header_not_allowed: 401,
  key_unknown: 401,
  signature_invalid: 401,
  issuer_mismatch: 401,
  not_an_access_token: 401,
  client_not_allowed: 401,
  audience_mismatch: 401,
  claims_invalid: 401,
  token_expired: 401,
  token_not_yet_valid: 401,
  account_unknown: 401,
  account_inactive: 401,
  tenant_mismatch: 401,
  token_revoked: 401,
  token_too_old_for_stale_view: 401,
  role_missing: 403,
  keys_unavailable: 503,
  view_not_ready: 503,
} as const;

export type DenialReason = keyof typeof DENIALS;
export const denialReasons = Object.keys(DENIALS) as DenialReason[];

const PROBLEM_CODES = { 401: 'unauthenticated', 403: 'forbidden', 503: 'unavailable' } as const;
const RETRY_AFTER_SECONDS = 1;

/** The error for a refused caller. `ProblemFilter` sends it as RFC 9457 problem+json. */
export class AccessDenied extends Problem {
  constructor(
    readonly reason: DenialReason,
    detail: string,
    options?: ErrorOptions,
  ) {
    const status = DENIALS[reason];
    super(PROBLEM_CODES[status], detail, status === 503 ? RETRY_AFTER_SECONDS : undefined);
    this.name = 'AccessDenied';
    if (options?.cause !== undefined) this.cause = options.cause;
  }

  /**
   * The `WWW-Authenticate` value of RFC 6750 section 3, or undefined if the token is not the cause (503). A request
   * without a token gets no error code (section 3.1).
   */
  get challenge(): string | undefined {
    if (this.status === 503) return undefined;
    if (this.reason === 'token_missing') return 'Bearer';
    const error = this.status === 403 ? 'insufficient_scope' : 'invalid_token';
    return `Bearer error="${error}", error_description="${this.detail.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'")}"`;
  }
}
