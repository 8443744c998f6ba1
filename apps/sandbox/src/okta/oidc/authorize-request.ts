/** Checks the parameters of `/authorize` in Okta's order. */
import type { AuthorizationRequest, Client, ServerId } from './model.js';
import { OAuthError, parameter, required } from './oauth-error.js';
import { scopesAt } from './servers.js';

const PROMPTS = ['none', 'login', 'consent'];

export interface Prompting {
  /** True if `/authorize` must answer with an error instead of showing a page. */
  readonly none: boolean;
  /** True if the sign-in page is shown although there is a session. */
  readonly login: boolean;
  /** Maximum age of a usable session in seconds. */
  readonly maxAge: number | null;
  readonly loginHint: string;
}

/**
 * Returns the registered redirect URI. Errors of this function are shown on a page, because nothing may be sent to an
 * unregistered address (RFC 6749, 4.1.2.1).
 */
export function redirectUriOf(query: unknown, client: Client | null): string {
  if (!client) throw new OAuthError('invalid_client', "Invalid value for 'client_id' parameter.");
  const uri = required(query, 'redirect_uri');
  if (!client.settings.redirectUris.includes(uri))
    throw new OAuthError(
      'invalid_request',
      `The 'redirect_uri' parameter must be a Login redirect URI in the client app settings; "${uri}" is not.`,
    );
  return uri;
}

export function authorizationRequest(
  query: unknown,
  client: Client,
  server: ServerId,
  redirectUri: string,
): AuthorizationRequest {
  const state = parameter(query, 'state');
  if (state === undefined)
    throw new OAuthError('invalid_request', "The authentication request has an invalid 'state' parameter.");
  refuseRequestObjects(query);
  if (required(query, 'response_type') !== 'code')
    throw new OAuthError('unsupported_response_type', 'The response type is not supported: only "code" is.');
  if ((parameter(query, 'response_mode') ?? 'query') !== 'query')
    throw new OAuthError('unsupported_response_mode', 'The response mode is not supported: only "query" is.');
  if (!client.settings.grantTypes.includes('authorization_code'))
    throw new OAuthError('unauthorized_client', 'The client is not authorized to use the provided grant type.');
  const nonce = parameter(query, 'nonce') ?? null;
  return {
    server,
    redirectUri,
    state,
    nonce,
    scopes: scopesOf(query, client, server),
    codeChallenge: challengeOf(query),
  };
}

export function promptingOf(query: unknown): Prompting {
  const prompts = parameter(query, 'prompt')?.split(' ') ?? [];
  if (prompts.some((p) => !PROMPTS.includes(p)) || (prompts.includes('none') && prompts.length > 1))
    throw new OAuthError('invalid_request', "The value of the 'prompt' parameter is invalid.");
  const maxAge = parameter(query, 'max_age');
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge))
    throw new OAuthError('invalid_request', "The value of the 'max_age' parameter is invalid.");
  return {
    none: prompts.includes('none'),
    login: prompts.includes('login'),
    maxAge: maxAge === undefined ? null : Number(maxAge),
    loginHint: parameter(query, 'login_hint') ?? '',
  };
}

/** Builds the redirect to the client. It keeps the query parameters of the registered URI. */
export function backTo(redirectUri: string, answer: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(answer)) if (value !== undefined) url.searchParams.append(name, value);
  return url.href;
}

function refuseRequestObjects(query: unknown): void {
  if (parameter(query, 'request') !== undefined)
    throw new OAuthError('request_not_supported', "The 'request' parameter is not supported.");
  if (parameter(query, 'request_uri') !== undefined)
    throw new OAuthError('request_uri_not_supported', "The 'request_uri' parameter is not supported.");
}

function scopesOf(query: unknown, client: Client, server: ServerId): string[] {
  const asked = new Set(required(query, 'scope').split(' ').filter(Boolean));
  const known = scopesAt(server, client);
  if (asked.size === 0 || [...asked].some((s) => !known.includes(s)))
    throw new OAuthError(
      'invalid_scope',
      'One or more scopes are not configured for the authorization server resource.',
    );
  return [...asked];
}

/**
 * Reads the PKCE challenge. Refuses the method `plain`, which does not protect against an attacker who can read the
 * request (RFC 7636).
 */
function challengeOf(query: unknown): string {
  const challenge = parameter(query, 'code_challenge');
  if (challenge === undefined)
    throw new OAuthError('invalid_request', 'PKCE code challenge is required by the application.');
  if (parameter(query, 'code_challenge_method') !== 'S256')
    throw new OAuthError('invalid_request', "The 'code_challenge_method' parameter must be S256.");
  if (!/^[A-Za-z0-9_-]{43}$/.test(challenge))
    throw new OAuthError('invalid_request', "The 'code_challenge' parameter is no SHA-256 in base64url.");
  return challenge;
}
