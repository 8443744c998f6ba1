/**
 * Verifies every JWT of Okta (RFC 8725): RS256, the expected kind, a published key, issuer, audience and time. The
 * header is checked before the key is looked up, so that an attacker cannot select the algorithm or the key.
 */
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { z } from 'zod';
import { OidcError, type OidcErrorCode } from './errors.js';

export interface SignedTokenExpectations {
  /** Must be exactly equal to the claim `iss`. */
  readonly issuer: string;
  readonly audience: string;
  /**
   * The exact value of the header `typ`. If left out, the header must be missing or `JWT`, as in ID and access tokens.
   */
  readonly typ?: string;
  /** Current time in milliseconds since 1970. Only tests set it. */
  readonly now?: (() => number) | undefined;
}

export const CLOCK_SKEW_SECONDS = 60;
const MAX_TOKEN_BYTES = 16_384;
/**
 * Headers that would select the key or change how the token is read (RFC 8725 section 3.10, RFC 7515 section 4.1.11).
 */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'];

/**
 * Rejects with an {@link OidcError} if the token is not valid. Errors of `keys` that do not come from jose are passed
 * on.
 */
export async function verifySigned<T extends { iat: number }>(
  token: string,
  keys: JWTVerifyGetKey,
  { issuer, audience, typ, now }: SignedTokenExpectations,
  claims: z.ZodType<T>,
): Promise<T> {
  checkHeader(token, typ);
  const currentDate = new Date(now?.() ?? Date.now());
  const { payload } = await jwtVerify(token, keys, {
    algorithms: ['RS256'],
    issuer,
    audience,
    clockTolerance: CLOCK_SKEW_SECONDS,
    currentDate,
    requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp'],
  }).catch((error: unknown) => {
    throw oidcErrorOf(error);
  });
  const parsed = parseClaims(payload, claims);
  if (parsed.iat > Math.floor(currentDate.getTime() / 1000) + CLOCK_SKEW_SECONDS)
    throw new OidcError('issued_in_future', 'The token was issued in the future.');
  return parsed;
}

function checkHeader(token: string, typ: string | undefined): void {
  if (token.length > MAX_TOKEN_BYTES) throw new OidcError('token_malformed', 'The token is too long.');
  let header: Readonly<Record<string, unknown>>;
  try {
    header = decodeProtectedHeader(token);
  } catch (error) {
    throw new OidcError('token_malformed', 'The token is not a JWT.', { cause: error });
  }
  if (header.alg !== 'RS256')
    throw new OidcError('algorithm_not_allowed', 'The token is not signed with RS256, the only accepted algorithm.');
  const forbidden = FORBIDDEN_HEADERS.find((name) => name in header);
  if (forbidden) throw new OidcError('header_not_allowed', `The header "${forbidden}" is not allowed.`);
  // Check the kind by `typ`, because Okta signs logout tokens with the same keys. ID and access tokens have no `typ`,
  // or the `typ` `JWT`.
  const isOfKind = typ === undefined ? header.typ === undefined || isPlain(header.typ) : header.typ === typ;
  if (!isOfKind) throw new OidcError('header_not_allowed', 'The token is of another kind.');
  if (typeof header.kid !== 'string') throw new OidcError('header_not_allowed', 'The token has no key id.');
}

const isPlain = (typ: unknown): boolean => typeof typ === 'string' && /^jwt$/i.test(typ);

function parseClaims<T>(payload: JWTPayload, claims: z.ZodType<T>): T {
  const parsed = claims.safeParse(payload);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new OidcError('claim_invalid', `Claims of the token have the wrong form: ${names}.`);
}

const CODE_OF_CLAIM: Readonly<Record<string, OidcErrorCode>> = {
  iss: 'issuer_mismatch',
  aud: 'audience_mismatch',
  nbf: 'issued_in_future',
};

/**
 * Converts an error of jose into an {@link OidcError}. Returns any other error unchanged, e.g. an error of the request
 * for keys.
 */
function oidcErrorOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new OidcError('expired', 'The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new OidcError(CODE_OF_CLAIM[error.claim] ?? 'claim_invalid', error.message);
  if (error instanceof errors.JOSEAlgNotAllowed) return new OidcError('algorithm_not_allowed', error.message);
  if (error instanceof errors.JWSSignatureVerificationFailed) return new OidcError('signature_invalid', error.message);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return new OidcError('key_unknown', 'The token is signed with a key that the provider does not publish.');
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid)
    return new OidcError('provider_unavailable', `The provider's keys cannot be read: ${error.message}`);
  if (error instanceof errors.JOSEError) return new OidcError('token_malformed', error.message);
  return error;
}
