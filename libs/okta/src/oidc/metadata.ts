/** Parses the part of a provider's discovery document that a login needs (OpenID Connect Discovery 1.0, RFC 8414). */
import { z } from 'zod';
import { parseJson } from '../json.js';
import { OidcError } from './errors.js';

export interface ProviderMetadata {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly jwksUri: string;
  readonly endSessionEndpoint: string | null;
  readonly introspectionEndpoint: string | null;
  /**
   * Whether authorization responses contain `iss` (RFC 9207). If so, a response without `iss` is not from this
   * provider.
   */
  readonly sendsIssuer: boolean;
}

const document = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  end_session_endpoint: z.url().optional(),
  introspection_endpoint: z.url().optional(),
  code_challenge_methods_supported: z.array(z.string()).default([]),
  id_token_signing_alg_values_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()).default(['client_secret_basic']),
  authorization_response_iss_parameter_supported: z.boolean().default(false),
});

const REQUIRED = [
  ['code_challenge_methods_supported', 'S256', 'PKCE'],
  ['id_token_signing_alg_values_supported', 'RS256', 'RS256 signatures'],
  ['token_endpoint_auth_methods_supported', 'client_secret_basic', 'client authentication by client_secret_basic'],
] as const;

export const discoveryUrl = (issuer: string): URL => new URL(`${issuer}/.well-known/openid-configuration`);

/** Throws `provider_invalid`. To prevent mix-up and SSRF, all endpoints must be on the issuer's origin. */
export function parseMetadata(body: string, issuer: string): ProviderMetadata {
  const parsed = document.safeParse(parseJson(body));
  if (!parsed.success) throw invalid(issuer, `the discovery document is invalid: ${z.prettifyError(parsed.error)}`);
  const { data } = parsed;
  // Compare the issuers without normalization (OpenID Connect Discovery 1.0 section 4.3).
  if (data.issuer !== issuer)
    throw invalid(issuer, `the discovery document names the issuer ${JSON.stringify(data.issuer.slice(0, 200))}`);
  for (const [name, value, what] of REQUIRED)
    if (!data[name].includes(value)) throw invalid(issuer, `the provider does not offer ${what}`);
  const { origin } = new URL(issuer);
  const optional = [data.end_session_endpoint, data.introspection_endpoint].map((url) => url ?? issuer);
  const urls = [data.authorization_endpoint, data.token_endpoint, data.jwks_uri, ...optional];
  if (urls.some((url) => new URL(url).origin !== origin || new URL(url).username !== ''))
    throw invalid(issuer, 'an endpoint is on another origin');
  return {
    issuer,
    authorizationEndpoint: data.authorization_endpoint,
    tokenEndpoint: data.token_endpoint,
    jwksUri: data.jwks_uri,
    endSessionEndpoint: data.end_session_endpoint ?? null,
    introspectionEndpoint: data.introspection_endpoint ?? null,
    sendsIssuer: data.authorization_response_iss_parameter_supported,
  };
}

const invalid = (issuer: string, why: string): OidcError =>
  new OidcError('provider_invalid', `${issuer} cannot be used for login: ${why}.`);
