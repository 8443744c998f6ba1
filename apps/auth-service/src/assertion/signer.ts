/**
 * The assertion that auth-service answers Cognito's challenge with; apps/cognito-triggers verifies it. Whoever holds the
 * key can sign in as anybody, so it stands behind an interface: a file in development, a key that never leaves AWS KMS
 * in production.
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
  readonly obo_audience?: string;
}

export interface AssertionSigner {
  /** A compact JWS, ES256, `typ: okta-assertion+jwt`, with the `kid` of the key. Rejects with `SigningUnavailable`. */
  sign(claims: AssertionClaims): Promise<string>;
  /** The public keys that a verifier must know: the one that signs, and during a change the one before or after it. */
  jwks(): readonly JWK[];
}

/** The key did not sign in time; another try may. */
export class SigningUnavailable extends Error {
  constructor(cause: unknown) {
    super(`the assertion was not signed (${cause instanceof Error ? cause.name : 'unknown'})`, { cause });
    this.name = 'SigningUnavailable';
  }
}

export const ASSERTION_HEADER = { alg: 'ES256', typ: 'okta-assertion+jwt' } as const;
const LIFETIME_SECONDS = 60;

export interface Subject {
  readonly accountId: string;
  readonly tenantId: string;
  readonly oktaIssuer: string;
  readonly oktaSub: string;
  readonly sessionId?: string;
  readonly authTime?: number | undefined;
  readonly amr?: readonly string[] | undefined;
  /** Who acts for the person (RFC 8693 section 4.1). */
  readonly act?: { readonly sub: string };
  /** What the actor's token is for. Cognito's `aud` cannot say it: that has to be the app client. */
  readonly oboAudience?: string;
}

/** `audience` binds to user pool and app client; without a nonce (refresh) it proves nothing to the challenge. */
export function assertionClaims(subject: Subject, audience: string, nonce?: string): AssertionClaims {
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
    ...(subject.oboAudience !== undefined && { obo_audience: subject.oboAudience }),
  };
}

export const assertionAudience = (userPoolId: string, clientId: string): string => `cognito:${userPoolId}:${clientId}`;
