/**
 * Verifies ID tokens by OpenID Connect Core 1.0 section 3.1.3.7 and RFC 8725. A refusal has the code of the first check
 * that failed.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { OidcError } from './errors.js';
import { CLOCK_SKEW_SECONDS, verifySigned, type SignedTokenExpectations } from './signed-token.js';

export interface IdTokenExpectations extends Pick<SignedTokenExpectations, 'issuer' | 'now'> {
  readonly clientId: string;
  /** The nonce of the authorization request; left out only for token exchange, which has no nonce. */
  readonly nonce?: string;
  /** Longest time in seconds since the person's authentication, as requested by `max_age`. */
  readonly maxAge?: number | undefined;
  /** The access token of the same response, which must match `at_hash`. */
  readonly accessToken?: string;
  /** Whether the person must have used a second factor: `amr` must then contain `mfa` (RFC 8176). */
  readonly requireMfa?: boolean;
  /** Maximum age of the token in seconds; ten minutes by default. */
  readonly maxTokenAge?: number;
}

const claims = z.object({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  aud: z.union([z.string(), z.array(z.string())]),
  iat: z.number(),
  exp: z.number(),
  jti: z.string().optional(),
  azp: z.string().optional(),
  nonce: z.string().optional(),
  at_hash: z.string().optional(),
  auth_time: z.number().optional(),
  amr: z.array(z.string()).optional(),
  sid: z.string().optional(),
  /** Do not identify a person by this address, because it may later belong to another person. */
  email: z.string().max(320).optional().catch(undefined),
});
export type IdTokenClaims = z.infer<typeof claims>;

const MAX_TOKEN_AGE_SECONDS = 600;

export async function verifyIdToken(
  token: string,
  keys: JWTVerifyGetKey,
  expected: IdTokenExpectations,
): Promise<IdTokenClaims> {
  const { issuer, clientId: audience, now = Date.now } = expected;
  const parsed = await verifySigned(token, keys, { issuer, audience, now }, claims);
  checkClaims(parsed, expected, Math.floor(now() / 1000));
  return parsed;
}

function checkClaims(token: IdTokenClaims, expected: IdTokenExpectations, now: number): void {
  if (now - token.iat > (expected.maxTokenAge ?? MAX_TOKEN_AGE_SECONDS))
    throw new OidcError('too_old', 'The token was issued too long ago.');
  checkAuthorizedParty(token, expected.clientId);
  if (expected.nonce !== undefined && !sameText(token.nonce, expected.nonce))
    throw new OidcError('nonce_mismatch', 'The token belongs to another authorization request.');
  if (expected.accessToken !== undefined && token.at_hash !== undefined)
    if (!sameText(token.at_hash, atHash(expected.accessToken)))
      throw new OidcError('at_hash_mismatch', 'The ID token belongs to another access token.');
  if (expected.maxAge !== undefined)
    if (token.auth_time === undefined || now - token.auth_time > expected.maxAge + CLOCK_SKEW_SECONDS)
      throw new OidcError('auth_too_old', 'The person signed in to Okta too long ago.');
  if (expected.requireMfa && !token.amr?.includes('mfa'))
    throw new OidcError('mfa_missing', 'The person used no second factor.');
}

/** `azp` must name our client, because a token with several audiences may have been issued to another client. */
function checkAuthorizedParty({ aud, azp }: IdTokenClaims, clientId: string): void {
  const needed = Array.isArray(aud) && aud.length > 1;
  if (azp === undefined ? needed : azp !== clientId)
    throw new OidcError('azp_mismatch', 'The token was issued to another client.');
}

/**
 * Computes `at_hash` (OpenID Connect Core 1.0 section 3.1.3.6): the left half of the hash, with the hash function of
 * the signature.
 */
const atHash = (accessToken: string): string =>
  createHash('sha256').update(accessToken, 'ascii').digest().subarray(0, 16).toString('base64url');

function sameText(left: string | undefined, right: string): boolean {
  const [a, b] = [Buffer.from(left ?? ''), Buffer.from(right)];
  return a.length === b.length && a.length > 0 && timingSafeEqual(a, b);
}
