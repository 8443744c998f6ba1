/**
 * The assertion with which auth-service answers Cognito's challenge. Anybody who has the signing key can sign in as any
 * person, so in production the key never leaves AWS KMS.
 */
import { randomUUID } from 'node:crypto';
import type { JWK } from 'jose';

export interface AssertionClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly nonce?: string;
  readonly tenant_id: string;
  readonly okta_iss: string;
  readonly okta_sub: string;
  readonly auth_time?: number;
  readonly amr?: readonly string[];
  readonly sso_sid?: string;
  readonly act?: { readonly sub: string };
  readonly exchange_audience?: string;
}

export interface AssertionSigner {
  /** Returns a compact JWS (ES256, `typ: okta-assertion+jwt`, with `kid`). Rejects with `SigningUnavailable`. */
  sign(claims: AssertionClaims): Promise<string>;
  /** Returns the public keys: the signing key and, during a rotation, the previous or the next key. */
  jwks(): readonly JWK[];
}

/** The signing key did not answer in time. Signing may succeed later. */
export class SigningUnavailable extends Error {
  constructor(cause: unknown) {
    super(`Cannot sign the assertion (${cause instanceof Error ? cause.name : 'unknown'}).`, { cause });
    this.name = 'SigningUnavailable';
  }
}

export const ASSERTION_HEADER = { alg: 'ES256', typ: 'okta-assertion+jwt' } as const;
const LIFETIME_SECONDS = 60;

export interface AssertionSubject {
  readonly accountId: string;
  readonly tenantId: string;
  readonly oktaIssuer: string;
  readonly oktaSub: string;
  readonly sessionId?: string;
  readonly authTime?: number | undefined;
  readonly amr?: readonly string[] | undefined;
  /** The service that acts for the person (RFC 8693 section 4.1). */
  readonly act?: { readonly sub: string };
  /** The service for which the token was exchanged. Cognito's own audience claim is always the app client. */
  readonly exchangeAudience?: string;
}

/**
 * `audience` binds the assertion to the user pool and the app client. An assertion without `nonce` is for a refresh and
 * cannot answer a challenge.
 */
export function assertionClaims(subject: AssertionSubject, audience: string, nonce?: string): AssertionClaims {
  const iat = Math.floor(Date.now() / 1000);
  return {
    iss: 'auth-service',
    sub: subject.accountId,
    aud: audience,
    jti: randomUUID(),
    iat,
    exp: iat + LIFETIME_SECONDS,
    ...(nonce !== undefined && { nonce }),
    tenant_id: subject.tenantId,
    okta_iss: subject.oktaIssuer,
    okta_sub: subject.oktaSub,
    ...(subject.authTime !== undefined && { auth_time: subject.authTime }),
    ...(subject.amr && { amr: subject.amr }),
    ...(subject.sessionId && { sso_sid: subject.sessionId }),
    ...(subject.act && { act: subject.act }),
    ...(subject.exchangeAudience !== undefined && { exchange_audience: subject.exchangeAudience }),
  };
}

export const assertionAudience = (userPoolId: string, clientId: string): string => `cognito:${userPoolId}:${clientId}`;
