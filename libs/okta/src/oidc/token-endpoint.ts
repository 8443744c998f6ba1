import { z } from 'zod';
import { OidcError } from './errors.js';
import type { ProviderAnswer, ProviderHttp } from './http.js';
import { parseJson } from '../json.js';

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface CodeGrant {
  readonly code: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
}

export interface TokenResponse {
  readonly idToken: string;
  readonly accessToken: string;
}

const tokens = z.object({
  id_token: z.string().min(1).max(65_536),
  access_token: z.string().min(1).max(65_536),
  token_type: z.string().regex(/^bearer$/i),
});
const refusal = z.object({ error: z.string().regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,100}$/) });

/**
 * Exchanges the code for tokens by RFC 6749 section 4.1.3 with PKCE (RFC 7636), without verifying the tokens. The
 * client secret is sent in the header, because form parsers may log the body. Rejects with an `OidcError`.
 */
export async function exchangeCode(
  http: ProviderHttp,
  tokenEndpoint: string,
  client: ClientCredentials,
  grant: CodeGrant,
): Promise<TokenResponse> {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: grant.code,
    redirect_uri: grant.redirectUri,
    code_verifier: grant.codeVerifier,
  });
  const answer = await http.send(new URL(tokenEndpoint), {
    method: 'POST',
    headers: { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
  });
  if (answer.status !== 200) throw refusalOf(answer);
  const parsed = tokens.safeParse(answer.contentType === 'application/json' ? parseJson(answer.body) : undefined);
  if (!parsed.success)
    throw new OidcError('token_response_invalid', 'The token endpoint answered 200 without valid tokens.');
  return { idToken: parsed.data.id_token, accessToken: parsed.data.access_token };
}

/** Builds the header of HTTP Basic. Both parts are form-encoded before they are joined (RFC 6749 section 2.3.1). */
export function basic({ clientId, clientSecret }: ClientCredentials): string {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
}

export function refusalOf({ status, body }: ProviderAnswer): OidcError {
  const parsed = refusal.safeParse(parseJson(body));
  if (!parsed.success) return new OidcError('token_response_invalid', `The token endpoint answered ${status}.`);
  const { error } = parsed.data;
  if (error === 'invalid_client' || error === 'unauthorized_client')
    return new OidcError(
      'client_refused',
      `The provider does not know this client (${error}). The client id or secret is wrong.`,
    );
  return new OidcError('code_refused', `The provider refused the code (${error}).`);
}
