import { z } from 'zod';
import { OidcError } from './errors.js';
import type { ProviderHttp } from './http.js';
import { parseJson } from '../json.js';
import type { ProviderMetadata } from './metadata.js';
import { basic, refusalOf, type ClientCredentials } from './token-endpoint.js';

const answer = z.discriminatedUnion('active', [
  z.object({ active: z.literal(false) }),
  z.object({
    active: z.literal(true),
    client_id: z.string(),
    uid: z.string().min(1).max(255),
    iat: z.number(),
    exp: z.number(),
    jti: z.string().max(255).optional(),
    // Accept only access tokens. For a refresh token, which the server also introspects, the type is not "Bearer".
    token_type: z.string().regex(/^bearer$/i),
  }),
]);
export type Introspected = Extract<z.infer<typeof answer>, { active: true }>;

/**
 * Asks the org authorization server whether one of its access tokens is valid (RFC 7662). The server does not publish
 * the keys that sign these tokens. Rejects with an `OidcError`; its code is `inactive` if the token is not active.
 */
export async function introspect(
  http: ProviderHttp,
  { introspectionEndpoint, issuer }: ProviderMetadata,
  client: ClientCredentials,
  token: string,
): Promise<Introspected> {
  if (introspectionEndpoint === null) throw new OidcError('provider_invalid', `${issuer} offers no introspection.`);
  const reply = await http.send(new URL(introspectionEndpoint), {
    method: 'POST',
    headers: { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
  });
  if (reply.status !== 200) throw refusalOf(reply);
  const parsed = answer.safeParse(parseJson(reply.body));
  if (!parsed.success)
    throw new OidcError('claim_invalid', "The provider's response does not have the expected claims.");
  if (!parsed.data.active)
    throw new OidcError('inactive', 'The provider does not know the token, or the token has expired.');
  if (parsed.data.client_id !== client.clientId)
    throw new OidcError('client_mismatch', 'The token was issued to another client.');
  return parsed.data;
}
