/** Why a login with an OpenID provider, or one of its tokens, is not believed: one closed list of codes. */

export const oidcErrorCodes = [
  // The provider and the way to it.
  'issuer_not_allowed',
  'provider_unavailable',
  'provider_invalid',
  // The token endpoint.
  'code_refused',
  'client_refused',
  'token_response_invalid',
  // The token itself.
  'token_malformed',
  'algorithm_not_allowed',
  'header_not_allowed',
  'key_unknown',
  'signature_invalid',
  'issuer_mismatch',
  'audience_mismatch',
  'azp_mismatch',
  'expired',
  'issued_in_future',
  'too_old',
  'nonce_mismatch',
  'at_hash_mismatch',
  'auth_too_old',
  'mfa_missing',
  'claim_invalid',
  // Access tokens.
  'client_mismatch',
  'scope_missing',
  'inactive',
] as const;
export type OidcErrorCode = (typeof oidcErrorCodes)[number];

/** The message is for the operator who reads the log; it never carries a token, a code or a secret. */
export class OidcError extends Error {
  /** Nobody knows: the same may succeed a moment later. */
  readonly retryable: boolean;

  constructor(
    readonly code: OidcErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'OidcError';
    this.retryable = code === 'provider_unavailable';
  }
}
