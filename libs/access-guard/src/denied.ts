/** The refusal of a caller: a reason from a closed list, its HTTP status, and a sentence for the caller. */

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

/** The response to a refused caller: RFC 9457 `application/problem+json` with the exact reason. */
export interface DeniedBody {
  readonly type: 'about:blank';
  readonly status: number;
  readonly code: (typeof PROBLEM_CODES)[keyof typeof PROBLEM_CODES];
  readonly reason: DenialReason;
  readonly detail: string;
}

/**
 * The error for a refused caller. It has everything that the response needs: `status`, `headers` and `body`. Code that
 * catches the error should compare `reason`.
 */
export class AccessDenied extends Error {
  readonly status: 401 | 403 | 503;

  constructor(
    readonly reason: DenialReason,
    /** One sentence for the caller. */
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = 'AccessDenied';
    this.status = DENIALS[reason];
  }

  /** The status, under the name by which Fastify and Express find it in an error. */
  get statusCode(): number {
    return this.status;
  }

  get code(): DeniedBody['code'] {
    return PROBLEM_CODES[this.status];
  }

  /** Seconds after which a retry may help (503). Undefined if a retry with the same token does not help. */
  get retryAfterSeconds(): number | undefined {
    return this.status === 503 ? RETRY_AFTER_SECONDS : undefined;
  }

  /** The headers of the response. */
  get headers(): Readonly<Record<string, string>> {
    const { challenge, retryAfterSeconds } = this;
    return {
      'content-type': 'application/problem+json',
      ...(challenge !== undefined && { 'www-authenticate': challenge }),
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    };
  }

  /** The body of the response, as an object. */
  get body(): DeniedBody {
    const { status, code, reason, detail } = this;
    return { type: 'about:blank', status, code, reason, detail };
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
