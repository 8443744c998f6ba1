/**
 * The checks of an ID token: OpenID Connect Core 1.0 section 3.1.3.7 and RFC 8725. Everything an attacker could choose is
 * pinned before the key is looked up; a token is all right or refused with the code of the first thing that is not.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { OidcError, type OidcErrorCode } from './errors.js';

export interface IdTokenExpectations {
  /** Compared exactly with `iss`. */
  readonly issuer: string;
  readonly clientId: string;
  /** Of the authorization request; left out only where there was none (token exchange). */
  readonly nonce?: string;
  /** Seconds since the person authenticated, as asked for by `max_age`. */
  readonly maxAge?: number | undefined;
  /** The access token of the same response: `at_hash` must fit it. */
  readonly accessToken?: string;
  /** The person must have used a second factor: `amr` has `mfa` (RFC 8176). */
  readonly requireMfa?: boolean;
  /** Seconds that the token may be old; ten minutes if left out. */
  readonly maxTokenAge?: number;
  /** The clock, milliseconds since 1970; for tests. */
  readonly now?: () => number;
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
});
export type IdTokenClaims = z.infer<typeof claims>;

export const CLOCK_SKEW_SECONDS = 60;
const MAX_TOKEN_AGE_SECONDS = 600;
const MAX_TOKEN_BYTES = 16_384;
/** Headers that would choose the key, or change the meaning of the rest (RFC 8725 section 3.10, RFC 7515 section 4.1.11). */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'];

/** Rejects with an {@link OidcError}; what `keys` throws of that kind is passed on. */
export async function verifyIdToken(
  token: string,
  keys: JWTVerifyGetKey,
  expected: IdTokenExpectations,
): Promise<IdTokenClaims> {
  checkHeader(token);
  const now = expected.now?.() ?? Date.now();
  const { payload } = await jwtVerify(token, keys, {
    algorithms: ['RS256'],
    issuer: expected.issuer,
    audience: expected.clientId,
    clockTolerance: CLOCK_SKEW_SECONDS,
    currentDate: new Date(now),
    requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp'],
  }).catch((error: unknown) => {
    throw oidcErrorOf(error);
  });
  const parsed = parseClaims(payload);
  checkClaims(parsed, expected, Math.floor(now / 1000));
  return parsed;
}

function checkHeader(token: string): void {
  if (token.length > MAX_TOKEN_BYTES) throw new OidcError('token_malformed', 'The token is too long.');
  let header: Readonly<Record<string, unknown>>;
  try {
    header = decodeProtectedHeader(token);
  } catch (error) {
    throw new OidcError('token_malformed', 'The token is no JWT.', { cause: error });
  }
  if (header.alg !== 'RS256')
    throw new OidcError('algorithm_not_allowed', 'The token is not signed with RS256, the only algorithm believed.');
  const forbidden = FORBIDDEN_HEADERS.find((name) => name in header);
  if (forbidden) throw new OidcError('header_not_allowed', `The header "${forbidden}" is not allowed.`);
  // Okta signs access and logout tokens with keys of the same set; ID tokens have no `typ`, or `JWT`.
  if (header.typ !== undefined && !(typeof header.typ === 'string' && /^jwt$/i.test(header.typ)))
    throw new OidcError('header_not_allowed', 'The token says that it is of another kind.');
  if (typeof header.kid !== 'string') throw new OidcError('header_not_allowed', 'The token names no key.');
}

function parseClaims(payload: JWTPayload): IdTokenClaims {
  const parsed = claims.safeParse(payload);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new OidcError('claim_invalid', `Claims of the token have the wrong form: ${names}.`);
}

function checkClaims(token: IdTokenClaims, expected: IdTokenExpectations, now: number): void {
  if (token.iat > now + CLOCK_SKEW_SECONDS) throw refuse('issued_in_future', 'It was issued in the future.');
  if (now - token.iat > (expected.maxTokenAge ?? MAX_TOKEN_AGE_SECONDS))
    throw refuse('too_old', 'It was issued too long ago.');
  checkAuthorizedParty(token, expected.clientId);
  if (expected.nonce !== undefined && !sameText(token.nonce, expected.nonce))
    throw refuse('nonce_mismatch', 'It answers another authorization request.');
  if (expected.accessToken !== undefined && token.at_hash !== undefined)
    if (!sameText(token.at_hash, atHash(expected.accessToken)))
      throw refuse('at_hash_mismatch', 'It belongs to another access token.');
  if (expected.maxAge !== undefined)
    if (token.auth_time === undefined || now - token.auth_time > expected.maxAge + CLOCK_SKEW_SECONDS)
      throw refuse('auth_too_old', 'The person signed in to Okta too long ago.');
  if (expected.requireMfa && !token.amr?.includes('mfa'))
    throw refuse('mfa_missing', 'The person used no second factor.');
}

/** With several audiences somebody else could have asked for the token. */
function checkAuthorizedParty({ aud, azp }: IdTokenClaims, clientId: string): void {
  const needed = Array.isArray(aud) && aud.length > 1;
  if (azp === undefined ? needed : azp !== clientId) throw refuse('azp_mismatch', 'It was issued to another client.');
}

/** OpenID Connect Core 1.0 section 3.1.3.6: the left half of the hash that the signature uses. */
const atHash = (accessToken: string): string =>
  createHash('sha256').update(accessToken, 'ascii').digest().subarray(0, 16).toString('base64url');

function sameText(left: string | undefined, right: string): boolean {
  const [a, b] = [Buffer.from(left ?? ''), Buffer.from(right)];
  return a.length === b.length && a.length > 0 && timingSafeEqual(a, b);
}

const refuse = (code: OidcErrorCode, what: string): OidcError => new OidcError(code, `The ID token: ${what}`);

const CODE_OF_CLAIM: Readonly<Record<string, OidcErrorCode>> = {
  iss: 'issuer_mismatch',
  aud: 'audience_mismatch',
  nbf: 'issued_in_future',
};

/** What jose throws, in our codes; an error that is no verdict on the token (no answer from the JWKS) is passed on. */
function oidcErrorOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return refuse('expired', 'It has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return refuse(CODE_OF_CLAIM[error.claim] ?? 'claim_invalid', error.message);
  if (error instanceof errors.JOSEAlgNotAllowed) return refuse('algorithm_not_allowed', error.message);
  if (error instanceof errors.JWSSignatureVerificationFailed) return refuse('signature_invalid', error.message);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return new OidcError('key_unknown', 'The ID token is signed with a key that the provider does not publish.');
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid)
    return new OidcError('provider_unavailable', `The provider's keys cannot be read: ${error.message}`);
  if (error instanceof errors.JOSEError) return refuse('token_malformed', error.message);
  return error;
}
