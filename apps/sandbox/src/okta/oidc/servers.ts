/** The two authorization servers of an Okta org. */
import type { Client, ServerId } from './model.js';

export interface AuthorizationServer {
  readonly id: ServerId;
  /** The `iss` claim of the server's tokens. */
  readonly issuer: string;
  /** Path and URL to which `/authorize`, `/token` and so on are appended. */
  readonly path: string;
  readonly base: string;
  /** The `aud` claim of access tokens. */
  readonly audience: string;
}

export function serverAt(id: ServerId, origin: string): AuthorizationServer {
  const issuer = id === 'org' ? origin : `${origin}/oauth2/default`;
  const path = id === 'org' ? '/oauth2/v1' : '/oauth2/default/v1';
  return { id, issuer, path, base: origin + path, audience: id === 'org' ? origin : 'api://default' };
}

const OIDC_SCOPES = ['openid', 'profile', 'email', 'groups', 'offline_access'] as const;

/** Scopes that a client can request. The org server has no custom scopes. */
export const scopesAt = (server: ServerId, { settings }: Client): readonly string[] => [
  ...OIDC_SCOPES,
  ...(server === 'default' ? settings.customScopes : []),
];

const CLIENT_AUTHENTICATION = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];

/** The server's metadata (OpenID Connect Discovery 1.0, section 3). It lists only what the sandbox supports. */
export const metadata = ({ issuer, base }: AuthorizationServer) => ({
  issuer,
  authorization_endpoint: `${base}/authorize`,
  token_endpoint: `${base}/token`,
  userinfo_endpoint: `${base}/userinfo`,
  jwks_uri: `${base}/keys`,
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: [...OIDC_SCOPES],
  token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
  claims_supported: [
    ...['iss', 'ver', 'sub', 'aud', 'iat', 'exp', 'jti', 'auth_time', 'amr', 'idp', 'nonce', 'at_hash'],
    ...['name', 'preferred_username', 'given_name', 'family_name', 'email', 'email_verified', 'locale', 'updated_at'],
  ],
  code_challenge_methods_supported: ['S256'],
  introspection_endpoint: `${base}/introspect`,
  introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
  revocation_endpoint: `${base}/revoke`,
  revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
  end_session_endpoint: `${base}/logout`,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
});
export type Metadata = ReturnType<typeof metadata>;
