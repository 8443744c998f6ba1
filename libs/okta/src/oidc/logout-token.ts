/**
 * What Okta proves itself with when it asks to end all that a person has (Universal Logout): a JWT signed like its ID
 * tokens (draft-parecki-oauth-global-token-revocation section 3.5).
 */
import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { CLOCK_SKEW_SECONDS, refuse, verifySigned } from './signed-token.js';

export interface LogoutTokenExpectations {
  /** Of the org: compared exactly with `iss`. */
  readonly issuer: string;
  /** Our client at that org: the token's `sub`. */
  readonly clientId: string;
  /** The URL that was called, without a query: the whole of `aud`. */
  readonly endpoint: string;
  /** The clock, milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

const claims = z.object({
  iss: z.string(),
  sub: z.string(),
  /** One string: what is for others as well could be replayed by them. */
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string().min(1).max(255),
});
export type LogoutTokenClaims = z.infer<typeof claims>;

const TYP = 'global-token-revocation+jwt';
/** The draft's recommendation, and what Okta does. Longer, and its `jti` would have to be remembered for as long. */
const LIFETIME_SECONDS = 300;

/** Rejects with an `OidcError`: `client_mismatch` for a genuine token of another app of the org. */
export async function verifyLogoutToken(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, clientId, endpoint, now = Date.now }: LogoutTokenExpectations,
): Promise<LogoutTokenClaims> {
  const parsed = await verifySigned(token, keys, { issuer, audience: endpoint, typ: TYP, now }, claims);
  if (parsed.exp > now() / 1000 + LIFETIME_SECONDS + CLOCK_SKEW_SECONDS)
    throw refuse('claim_invalid', 'It is good for longer than five minutes.');
  if (parsed.sub !== clientId) throw refuse('client_mismatch', 'It speaks for another app of the org.');
  return parsed;
}
