/**
 * Verifies auth-service's answer to the challenge: a JWT (RFC 7519) that is valid for a minute and for one user pool,
 * app client and user. Its nonce binds it to one challenge. Everything that an attacker could choose, e.g. the
 * algorithm, is fixed (RFC 8725).
 */
import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';

export const ASSERTION = {
  algorithm: 'ES256',
  type: 'okta-assertion+jwt',
  issuer: 'auth-service',
  lifetimeSeconds: 60,
} as const;

export const assertionAudience = (userPoolId: string, clientId: string): string => `cognito:${userPoolId}:${clientId}`;

const CLOCK_TOLERANCE_SECONDS = 5;
/** Headers that would select the key or change how the token is interpreted. */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'];

export const ASSERTION_REFUSALS = [
  'malformed',
  'algorithm_not_allowed',
  'header_not_allowed',
  'key_unknown',
  'signature_invalid',
  'expired',
  'lifetime_too_long',
  'claim_invalid',
  'user_mismatch',
  'tenant_mismatch',
  'okta_user_mismatch',
  'nonce_mismatch',
  'metadata_mismatch',
  'user_not_found',
] as const;
export type AssertionRefusal = (typeof ASSERTION_REFUSALS)[number];

/** The message is for the operator who reads the trigger's log. */
export class AssertionRefused extends Error {
  constructor(
    readonly code: AssertionRefusal,
    message: string,
  ) {
    super(message);
    this.name = 'AssertionRefused';
  }
}

export interface Assertion {
  readonly jti: string;
  readonly tenantId: string;
  /** Okta's id of the person: `sub` of the ID token, `uid` of an access token. */
  readonly oktaSub: string;
  /** The assertion of a refresh has no nonce, because Cognito makes no challenge for a refresh. */
  readonly nonce: string | undefined;
  /** Id of auth-service's session for which the tokens are issued. */
  readonly ssoSid: string | undefined;
  /** The service that acts for the person (RFC 8693 section 4.1). */
  readonly act: Readonly<Record<string, unknown>> | undefined;
  /** The service for which the token was exchanged. */
  readonly exchangeAudience: string | undefined;
}

export interface AssertionContext {
  readonly userPoolId: string;
  readonly userName: string;
  readonly callerContext: { readonly clientId: string };
  readonly request: { readonly userAttributes: Readonly<Record<string, string>> };
}

/**
 * Reads auth-service's public keys from a JWKS (RFC 7517): one key, or two during a rotation. Throws for any other
 * value, so that wrong keys fail when the trigger is loaded and not at the first sign-in.
 */
export function parseAssertionKeys(json: string): JWTVerifyGetKey {
  const keys = publicKeysIn(json);
  if (keys.length === 0 || new Set(keys.map((k) => k.kid)).size !== keys.length)
    throw new TypeError(
      'ASSERTION_JWKS must be a JWKS that contains only public P-256 keys, each with a different "kid"',
    );
  return createLocalJWKSet({ keys: keys.map((k) => ({ ...k, kty: 'EC', alg: ASSERTION.algorithm })) });
}

/** Returns an empty list if one of the keys is not a public P-256 key with a `kid`. */
function publicKeysIn(json: string): Record<string, unknown>[] {
  try {
    const set: unknown = JSON.parse(json);
    const keys: unknown[] = isRecord(set) && Array.isArray(set.keys) ? set.keys : [];
    const fit = keys.filter(isRecord).filter((key) => {
      createPublicKey({ key, format: 'jwk' });
      return key.kty === 'EC' && key.crv === 'P-256' && isText(key.kid) && !('d' in key);
    });
    return fit.length === keys.length ? fit : [];
  } catch {
    return [];
  }
}

/** Verifies an assertion, except its nonce, which the caller must compare. Rejects with {@link AssertionRefused}. */
export async function verifyAssertion(
  token: string,
  keys: JWTVerifyGetKey,
  context: AssertionContext,
): Promise<Assertion> {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    algorithms: [ASSERTION.algorithm],
    typ: ASSERTION.type,
    issuer: ASSERTION.issuer,
    audience: assertionAudience(context.userPoolId, context.callerContext.clientId),
    maxTokenAge: ASSERTION.lifetimeSeconds,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  }).catch((error: unknown) => {
    throw refusalOf(error);
  });
  const forbidden = FORBIDDEN_HEADERS.find((name) => name in protectedHeader);
  if (forbidden) throw new AssertionRefused('header_not_allowed', `The header "${forbidden}" is not allowed.`);
  if (protectedHeader.kid === undefined) throw new AssertionRefused('key_unknown', 'The assertion has no key id.');
  // `jwtVerify` requires `iat`, but not `exp`. The next check refuses an assertion without `exp`.
  const { iat = 0, exp = Infinity } = payload;
  if (exp - iat > ASSERTION.lifetimeSeconds)
    throw new AssertionRefused(
      'lifetime_too_long',
      `The assertion is valid for ${exp - iat} seconds, which is too long.`,
    );
  return checkUser(assertionOf(payload), payload.sub, context);
}

/**
 * Compares the assertion with the user's tenant and Okta id in Cognito. A wrong look-up in auth-service therefore
 * cannot open another person's account.
 */
function checkUser(assertion: Assertion, sub: string | undefined, context: AssertionContext): Assertion {
  const { 'custom:tenant_id': tenantId, 'custom:external_id': externalId } = context.request.userAttributes;
  if (sub !== context.userName) throw new AssertionRefused('user_mismatch', 'The assertion is for another user.');
  if (assertion.tenantId !== tenantId)
    throw new AssertionRefused('tenant_mismatch', 'The user belongs to another tenant, or to no tenant.');
  if (externalId && assertion.oktaSub !== externalId)
    throw new AssertionRefused('okta_user_mismatch', 'The user is linked to another Okta user.');
  return assertion;
}

function assertionOf(payload: JWTPayload): Assertion {
  const {
    jti,
    tenant_id: tenantId,
    okta_sub: oktaSub,
    nonce,
    sso_sid: ssoSid,
    act,
    exchange_audience: exchangeAudience,
  } = payload;
  const texts = isText(jti) && isText(tenantId) && isText(oktaSub);
  if (!texts || !isOptionalText(nonce) || !isOptionalText(ssoSid) || !isOptionalText(exchangeAudience))
    throw new AssertionRefused('claim_invalid', 'A claim that must be a text is missing or of another type.');
  if (act !== undefined && !(isRecord(act) && isText(act.sub)))
    throw new AssertionRefused('claim_invalid', '"act" must be an object with "sub".');
  return { jti, tenantId, oktaSub, nonce, ssoSid, act, exchangeAudience };
}

/** Converts an error of `jose` into a refusal. Returns other errors unchanged. */
function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new AssertionRefused('expired', error.message);
  if (error instanceof errors.JWTClaimValidationFailed) return new AssertionRefused('claim_invalid', error.message);
  if (error instanceof errors.JOSEAlgNotAllowed) return new AssertionRefused('algorithm_not_allowed', error.message);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new AssertionRefused('signature_invalid', error.message);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return new AssertionRefused('key_unknown', error.message);
  if (error instanceof errors.JOSEError) return new AssertionRefused('malformed', error.message);
  return error;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isOptionalText = (value: unknown): value is string | undefined => value === undefined || isText(value);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
