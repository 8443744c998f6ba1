/** Authenticates clients by a secret in a Basic header or in the form, or by a JWT. */
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';
import { sameText } from '../../text.js';
import type { Client } from './model.js';
import { OAuthError, parameter } from './oauth-error.js';
import type { OidcProvider } from './provider.js';

/** RFC 7523, 2.2. */
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** The longest lifetime of a client assertion. Okta: "exp ... no more than one hour in the future". */
const ASSERTION_LIFETIME_SECONDS = 3_600;

export async function authenticateClient(
  oidc: OidcProvider,
  endpoint: string,
  authorization: string | undefined,
  form: unknown,
): Promise<Client> {
  const assertion = parameter(form, 'client_assertion');
  const posted = parameter(form, 'client_secret');
  if ([assertion, posted, authorization].filter((used) => used !== undefined).length > 1)
    throw new OAuthError('invalid_request', 'Cannot supply multiple client credentials.');
  if (assertion !== undefined) return byAssertion(oidc, endpoint, assertion, form);
  const [id, secret] =
    authorization === undefined ? [parameter(form, 'client_id'), posted] : basicCredentials(authorization);
  if (id === undefined) throw new OAuthError('invalid_client', 'Client authentication failed. No client is named.');
  const client = await known(oidc, id);
  if (client.secret === null || secret === undefined || !sameText(client.secret, secret))
    throw new OAuthError('invalid_client', 'The client secret supplied for a confidential client is invalid.');
  return client;
}

async function byAssertion(oidc: OidcProvider, endpoint: string, assertion: string, form: unknown): Promise<Client> {
  if (parameter(form, 'client_assertion_type') !== ASSERTION_TYPE)
    throw new OAuthError('invalid_client', `The 'client_assertion_type' parameter must be ${ASSERTION_TYPE}.`);
  const client = await known(oidc, claimedBy(assertion));
  const { jwks } = client.settings;
  if (!jwks) throw new OAuthError('invalid_client', 'The client does not authenticate with a JWT of its own.');
  const payload = await verify(assertion, endpoint, client, jwks);
  const { jti, exp = 0 } = payload;
  if (jti !== undefined && !(await oidc.pending.spend(`${client.clientId} ${jti}`, exp)))
    throw new OAuthError('invalid_client', 'The client_assertion token has been used before.');
  return client;
}

async function verify(assertion: string, endpoint: string, client: Client, jwks: JSONWebKeySet): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(jwks), {
      issuer: client.clientId,
      subject: client.clientId,
      audience: endpoint,
      algorithms: ['RS256', 'ES256'],
      requiredClaims: ['exp'],
    });
    if ((payload.exp ?? 0) > Date.now() / 1000 + ASSERTION_LIFETIME_SECONDS) throw new Error('it lives too long');
    return payload;
  } catch (error) {
    throw new OAuthError('invalid_client', `The client_assertion token is invalid: ${(error as Error).message}.`);
  }
}

function claimedBy(assertion: string): string {
  try {
    return decodeJwt(assertion).sub ?? '';
  } catch {
    throw new OAuthError('invalid_client', 'The client_assertion is no JWT.');
  }
}

async function known(oidc: OidcProvider, id: string): Promise<Client> {
  const client = await oidc.clients.byId(id);
  if (!client) throw new OAuthError('invalid_client', "Invalid value for 'client_id' parameter.");
  return client;
}

/** Reads a Basic header. Id and secret are form-encoded before they are joined (RFC 6749, 2.3.1). */
function basicCredentials(header: string): [string, string] {
  const encoded = /^Basic ([A-Za-z0-9+/=_-]+)$/i.exec(header)?.[1] ?? '';
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  try {
    if (colon > 0) return [formDecoded(text.slice(0, colon)), formDecoded(text.slice(colon + 1))];
  } catch {
    // Text with a stray percent sign is refused below.
  }
  throw new OAuthError('invalid_client', "The 'Authorization' header holds no Basic credentials.");
}

const formDecoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
