export const oidcErrorCodes = [
  // Codes about the provider.
  'issuer_not_allowed',
  'provider_unavailable',
  'provider_invalid',
  // Codes about the token endpoint.
  'code_refused',
  'client_refused',
  'token_response_invalid',
  // Codes about tokens.
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
  // Codes about access tokens and logout tokens only.
  'client_mismatch',
  'scope_missing',
  'inactive',
] as const;
export type OidcErrorCode = (typeof oidcErrorCodes)[number];

/**
 * A failed login, or a refused token. The message is for the operator who reads the log. It never contains a token, a
 * code or a secret.
 */
export class OidcError extends Error {
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
