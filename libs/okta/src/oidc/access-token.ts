import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { OidcError } from './errors.js';
import { verifySigned, type SignedTokenExpectations } from './signed-token.js';

/** `audience` is the audience of the API, as configured in the authorization server. */
export interface AccessTokenExpectations extends Omit<SignedTokenExpectations, 'typ'> {
  readonly clientIds: readonly string[];
  readonly scope: string;
}

/**
 * `uid` is the person's Okta id; a machine's token (client credentials) has none. `sub` is not read: it is the login
 * name, which may later belong to another person.
 */
const claims = z.object({
  uid: z.string().min(1).max(255),
  cid: z.string(),
  scp: z.array(z.string()),
  iat: z.number(),
  exp: z.number(),
  jti: z.string().max(255).optional(),
});
export type AccessTokenClaims = z.infer<typeof claims>;

/**
 * Verifies an access token of a custom authorization server of Okta (`/oauth2/default`). Rejects with an `OidcError`.
 */
export async function verifyAccessToken(
  token: string,
  keys: JWTVerifyGetKey,
  expected: AccessTokenExpectations,
): Promise<AccessTokenClaims> {
  const parsed = await verifySigned(token, keys, expected, claims);
  if (!expected.clientIds.includes(parsed.cid))
    throw new OidcError('client_mismatch', 'The token was issued to another client.');
  if (!parsed.scp.includes(expected.scope))
    throw new OidcError('scope_missing', `The token lacks the scope "${expected.scope}".`);
  return parsed;
}
