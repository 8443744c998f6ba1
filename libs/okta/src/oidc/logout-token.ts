import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { OidcError } from './errors.js';
import { CLOCK_SKEW_SECONDS, verifySigned, type SignedTokenExpectations } from './signed-token.js';

export interface LogoutTokenExpectations extends Pick<SignedTokenExpectations, 'issuer' | 'now'> {
  /** The id of our client at that org, which must be the token's `sub`. */
  readonly clientId: string;
  /** The URL that was called, without a query. It must be the only `aud`. */
  readonly endpoint: string;
}

const claims = z.object({
  iss: z.string(),
  sub: z.string(),
  /** Must be a single string. A token with several audiences could be replayed here by another recipient. */
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string().min(1).max(255),
});
export type LogoutTokenClaims = z.infer<typeof claims>;

const TYP = 'global-token-revocation+jwt';
/**
 * Longest accepted lifetime of a token, as the draft recommends and Okta uses. The `jti` must be remembered for the
 * whole lifetime.
 */
const LIFETIME_SECONDS = 300;

/**
 * Verifies the token that authenticates Okta in a Universal Logout request, signed like Okta's ID tokens
 * (draft-parecki-oauth-global-token-revocation section 3.5). Rejects with an `OidcError`; its code is `client_mismatch`
 * for a valid token of another app of the org.
 */
export async function verifyLogoutToken(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, clientId, endpoint, now = Date.now }: LogoutTokenExpectations,
): Promise<LogoutTokenClaims> {
  const parsed = await verifySigned(token, keys, { issuer, audience: endpoint, typ: TYP, now }, claims);
  if (parsed.exp > now() / 1000 + LIFETIME_SECONDS + CLOCK_SKEW_SECONDS)
    throw new OidcError('claim_invalid', 'The token is valid for longer than five minutes.');
  if (parsed.sub !== clientId) throw new OidcError('client_mismatch', 'The token is from another app of the org.');
  return parsed;
}
