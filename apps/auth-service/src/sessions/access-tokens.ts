/**
 * Caches Cognito's access tokens of sessions, in memory only. Tabs share a token while it is valid and the person's
 * access is unchanged. Each session has at most one request to Cognito at a time.
 */
import { Injectable } from '@nestjs/common';
import { decodeJwt } from 'jose';
import { CognitoError, type CognitoTokens } from '#cognito';
import { Problem } from '#platform';
import { SigningUnavailable } from '../assertion/signer.js';
import { TokenIssuer } from '../assertion/token-issuer.js';
import { BrowserSessions, type BrowserSession } from './browser-sessions.js';

export interface AccessToken {
  readonly accessToken: string;
  /** Time of expiry, in milliseconds since 1970. */
  readonly expiresAt: number;
}

interface CachedToken extends AccessToken {
  /** Version of the person's access when the token was requested. */
  readonly accessVersion: number;
  /** Time after which we request a new token, in milliseconds since 1970. */
  readonly goodUntil: number;
}

/** The person's current version and roles, which a cached token must match. */
type ExpectedAccess = Pick<BrowserSession, 'accessVersion' | 'roles'>;

/** A token that expires within this time is replaced, because the page needs time to use it. */
const ENOUGH_MS = 60_000;
/**
 * Changed roles reach Cognito a moment after they reach auth-service. Until a token contains these roles, we request a
 * new token at this interval.
 */
const STALE_ROLES_MS = 2_000;
const MAX_CACHED = 50_000;

@Injectable()
export class AccessTokens {
  private readonly cached = new Map<string, CachedToken>();
  private readonly pending = new Map<string, Promise<AccessToken | null>>();

  constructor(
    private readonly issuer: TokenIssuer,
    private readonly sessions: BrowserSessions,
  ) {}

  /**
   * Null means that Cognito refuses the session, so the caller must end it. Throws a `Problem` if Cognito or the
   * signing key does not answer.
   */
  async of(session: BrowserSession): Promise<AccessToken | null> {
    const cached = this.cached.get(session.id);
    if (cached?.accessVersion === session.accessVersion && Date.now() < cached.goodUntil) return cached;
    let pending = this.pending.get(session.id);
    if (!pending) {
      pending = this.request(session).finally(() => this.pending.delete(session.id));
      this.pending.set(session.id, pending);
    }
    return pending;
  }

  keep(sessionId: string, access: ExpectedAccess, { accessToken, expiresInSeconds }: CognitoTokens): AccessToken {
    if (this.cached.size >= MAX_CACHED) this.cached.delete(this.cached.keys().next().value ?? '');
    const now = Date.now();
    const expiresAt = now + expiresInSeconds * 1000;
    const goodUntil = showsRoles(accessToken, access.roles) ? expiresAt - ENOUGH_MS : now + STALE_ROLES_MS;
    const cached = { accessToken, expiresAt, goodUntil, accessVersion: access.accessVersion };
    this.cached.delete(sessionId);
    this.cached.set(sessionId, cached);
    return cached;
  }

  forget(sessionId: string): void {
    this.cached.delete(sessionId);
  }

  private async request(session: BrowserSession): Promise<AccessToken | null> {
    const refreshToken = this.sessions.refreshTokenOf(session);
    const token = refreshToken === null ? null : await this.refresh(session, refreshToken);
    if (token) return token;
    // If Cognito rotates refresh tokens, another replica may have used this refresh token and stored its successor.
    const current = await this.sessions.currentRefreshToken(session.id);
    return current === null || current === refreshToken ? null : this.refresh(session, current);
  }

  /** Requests an access token. Returns null if Cognito refuses the refresh token. */
  private async refresh(session: BrowserSession, refreshToken: string): Promise<AccessToken | null> {
    const subject = { ...session, tenantId: session.tenant, sessionId: session.id };
    try {
      const tokens = await this.issuer.refresh(refreshToken, subject);
      if (tokens.refreshToken !== null) await this.sessions.keepRefreshToken(session.id, tokens.refreshToken);
      return this.keep(session.id, session, tokens);
    } catch (error) {
      if (!(error instanceof CognitoError || error instanceof SigningUnavailable)) throw error;
      if (error instanceof CognitoError && REFUSALS.has(error.code)) return null;
      throw new Problem(
        'unavailable',
        'No new access token is available at the moment. The session continues; try again.',
        5,
      );
    }
  }
}

/** Cognito refuses the refresh token: the user is disabled, or the token is revoked, expired or rotated. */
const REFUSALS: ReadonlySet<string> = new Set(['NotAuthorizedException', 'RefreshTokenReuseException']);

/** Decodes the token without verifying it, because Cognito itself returned the token a moment ago. */
function showsRoles(accessToken: string, roles: readonly string[]): boolean {
  const { 'cognito:groups': groups = [] } = decodeJwt<{ 'cognito:groups'?: string[] }>(accessToken);
  return groups.length === roles.length && roles.every((role) => groups.includes(role));
}
