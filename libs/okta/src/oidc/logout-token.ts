/**
 * Verifies the token with which Okta authenticates a Universal Logout: a JWT signed like its ID tokens
 * (draft-parecki-oauth-global-token-revocation section 3.5).
 */
import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { CLOCK_SKEW_SECONDS, refuse, verifySigned } from './signed-token.js';

export interface LogoutTokenExpectations {
  /** The org. Compared exactly with `iss`. */
  readonly issuer: string;
  /** Our client at that org. Must be the token's `sub`. */
  readonly clientId: string;
  /** The URL that was called, without a query. Must be the only `aud`. */
  readonly endpoint: string;
  /** The clock, milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

const claims = z.object({
  iss: z.string(),
  sub: z.string(),
  /** A single string: another audience could replay the token. */
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string().min(1).max(255),
});
export type LogoutTokenClaims = z.infer<typeof claims>;

const TYP = 'global-token-revocation+jwt';
/** The draft recommends this, and Okta does it. The `jti` must be remembered for the whole lifetime. */
const LIFETIME_SECONDS = 300;

/** Rejects with an `OidcError`: `client_mismatch` for a valid token of another app of the org. */
export async function verifyLogoutToken(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, clientId, endpoint, now = Date.now }: LogoutTokenExpectations,
): Promise<LogoutTokenClaims> {
  const parsed = await verifySigned(token, keys, { issuer, audience: endpoint, typ: TYP, now }, claims);
  if (parsed.exp > now() / 1000 + LIFETIME_SECONDS + CLOCK_SKEW_SECONDS)
    throw refuse('claim_invalid', 'It is valid for longer than five minutes.');
  if (parsed.sub !== clientId) throw refuse('client_mismatch', 'It is from another app of the org.');
  return parsed;
}
