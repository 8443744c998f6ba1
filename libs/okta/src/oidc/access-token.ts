/** Access tokens of a custom authorization server of Okta (`/oauth2/default`): JWTs for our API, signed with its published keys. */
import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { refuse, verifySigned } from './signed-token.js';

export interface AccessTokenExpectations {
  readonly issuer: string;
  /** The API's, as set at the authorization server. */
  readonly audience: string;
  /** OAuth clients whose tokens are believed. */
  readonly clientIds: readonly string[];
  /** Has to be among the token's scopes. */
  readonly scope: string;
  readonly now?: () => number;
}

/**
 * `uid` is the person's Okta id. `sub` is the login, which can be changed and given to somebody else: it is not read. A
 * token of a machine (client credentials) has no `uid`.
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

/** Rejects with an `OidcError`. */
export async function verifyAccessToken(
  token: string,
  keys: JWTVerifyGetKey,
  expected: AccessTokenExpectations,
): Promise<AccessTokenClaims> {
  const parsed = await verifySigned(token, keys, expected, claims);
  if (!expected.clientIds.includes(parsed.cid)) throw refuse('client_mismatch', 'It was issued to another client.');
  if (!parsed.scp.includes(expected.scope)) throw refuse('scope_missing', `It lacks the scope "${expected.scope}".`);
  return parsed;
}
