/**
 * Cognito's access tokens for sessions. They are kept in memory only, and while they are good and the person's access is
 * as it was, several tabs share one; a session asks Cognito once at a time.
 */
import { decodeJwt } from 'jose';
import { CognitoError, type CognitoTokens, type CustomAuth } from '#cognito';
import { Problem } from '#platform';
import { assertionClaims, SigningUnavailable, type AssertionSigner } from '../assertion/signer.js';
import type { Session, Sessions } from './sessions.js';

export interface AccessToken {
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

interface Cached extends AccessToken {
  /** Version of the person's access for which it was asked. */
  readonly accessVersion: number;
  /** From then on another one is asked for; milliseconds since 1970. */
  readonly goodUntil: number;
}

/** What a token has to show. */
export type Access = Pick<Session, 'accessVersion' | 'roles'>;

/** A token with less life than this is replaced: its user needs time to use it. */
const ENOUGH_MS = 60_000;
/** Cognito learns of changed roles a moment after us: until its token shows them, it is asked again, this often. */
const STALE_ROLES_MS = 2_000;
const MAX_CACHED = 50_000;

export class AccessTokens {
  private readonly cached = new Map<string, Cached>();
  private readonly asking = new Map<string, Promise<AccessToken | null>>();

  constructor(
    private readonly cognito: CustomAuth,
    private readonly signer: AssertionSigner,
    private readonly audience: string,
    private readonly sessions: Sessions,
  ) {}

  /** Null = Cognito refuses the session for good; it has to end. Throws a `Problem` when nobody knows. */
  async of(session: Session): Promise<AccessToken | null> {
    const cached = this.cached.get(session.id);
    if (cached?.accessVersion === session.accessVersion && Date.now() < cached.goodUntil) return cached;
    let asking = this.asking.get(session.id);
    if (!asking) {
      asking = this.ask(session).finally(() => this.asking.delete(session.id));
      this.asking.set(session.id, asking);
    }
    return asking;
  }

  /** The token of the sign-in itself. */
  keep(sessionId: string, access: Access, { accessToken, expiresInSeconds }: CognitoTokens): AccessToken {
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

  private async ask(session: Session): Promise<AccessToken | null> {
    const refreshToken = this.sessions.refreshTokenOf(session);
    const token = refreshToken === null ? null : await this.exchange(session, refreshToken);
    if (token) return token;
    // Where Cognito rotates refresh tokens, another replica may have been quicker, and ours is spent.
    const current = await this.sessions.currentRefreshToken(session.id);
    return current === null || current === refreshToken ? null : this.exchange(session, current);
  }

  /** Null = Cognito refuses the refresh token. */
  private async exchange(session: Session, refreshToken: string): Promise<AccessToken | null> {
    const subject = { ...session, tenantId: session.tenant, sessionId: session.id };
    try {
      const assertion = await this.signer.sign(assertionClaims(subject, this.audience));
      const tokens = await this.cognito.refresh(refreshToken, assertion);
      if (tokens.refreshToken !== null) await this.sessions.keepRefreshToken(session.id, tokens.refreshToken);
      return this.keep(session.id, session, tokens);
    } catch (error) {
      if (!(error instanceof CognitoError || error instanceof SigningUnavailable)) throw error;
      if (error instanceof CognitoError && REFUSALS.has(error.code)) return null;
      throw new Problem('unavailable', 'There is no new token at the moment. The session goes on; try again.', 5);
    }
  }
}

/** The user is disabled, the token revoked, expired or rotated out: no repetition will help. */
const REFUSALS: ReadonlySet<string> = new Set(['NotAuthorizedException', 'RefreshTokenReuseException']);

/** Read without verification: it came from Cognito itself a moment ago. */
function showsRoles(accessToken: string, roles: readonly string[]): boolean {
  const { 'cognito:groups': groups = [] } = decodeJwt<{ 'cognito:groups'?: string[] }>(accessToken);
  return groups.length === roles.length && roles.every((role) => groups.includes(role));
}
