/** What the web application may ask about the session of its browser. */
import { Injectable } from '@nestjs/common';
import { CustomAuth } from '#cognito';
import { OidcProvider } from '#okta';
import { Problem, type Database, type Logger } from '#platform';
import { record } from '../audit.js';
import type { Site } from '../sites.js';
import { AccessTokens, type AccessToken } from './access-tokens.js';
import { Sessions, type Session } from './sessions.js';

export interface SessionView {
  readonly account: {
    readonly id: string;
    readonly userName: string | null;
    readonly displayName: string | null;
    readonly email: string | null;
  };
  readonly tenant: { readonly id: string; readonly slug: string };
  /** In effect, highest precedence first. */
  readonly roles: readonly string[];
  readonly primaryRole: string | null;
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
  readonly sessionExpiresAt: string;
}

export interface SessionParts {
  readonly database: Database;
  readonly logger: Logger;
  readonly sessions: Sessions;
  readonly tokens: AccessTokens;
  readonly cognito: CustomAuth;
  readonly provider: OidcProvider;
}

@Injectable()
export class SessionService {
  constructor(private readonly parts: SessionParts) {}

  /** Throws `unauthenticated` without a session, or when it just ended. */
  async view(site: Site, secret: string | null): Promise<SessionView> {
    const session = secret === null ? null : await this.parts.sessions.find(site.tenant.tenantId, secret);
    if (!session) throw noSession();
    return viewOf(site, session, await this.token(session));
  }

  /** A new secret for the cookie, and what `view` says. */
  async refresh(site: Site, secret: string | null): Promise<{ secret: string; expiresAt: Date; view: SessionView }> {
    const { sessions, database } = this.parts;
    const rotated = secret === null ? null : await sessions.rotate(site.tenant.tenantId, secret);
    if (!rotated) throw noSession();
    const { session } = rotated;
    const view = viewOf(site, session, await this.token(session));
    if (!session.replaced)
      await record(database, {
        event: 'session_refreshed',
        tenant: session.tenant,
        accountId: session.accountId,
        sessionId: session.id,
      });
    return { secret: rotated.secret, expiresAt: session.expiresAt, view };
  }

  /**
   * Ends the session here and at Cognito. `okta`: also where to send the browser to end the one at Okta (OpenID Connect
   * RP-Initiated Logout 1.0); null if Okta offers none. Without a session there is nothing to do.
   */
  async logout(site: Site, secret: string | null, okta: boolean): Promise<{ oktaLogoutUrl: string | null }> {
    const { sessions, provider, database } = this.parts;
    const session = secret === null ? null : await sessions.find(site.tenant.tenantId, secret);
    if (!session) return { oktaLogoutUrl: null };
    await sessions.end(database, session.id, 'logout', 'by_person');
    await this.revoke(session);
    const { sso } = site.tenant.settings;
    if (!okta || !sso) return { oktaLogoutUrl: null };
    const metadata = await provider.discover(sso.issuer).catch(() => null);
    const idToken = sessions.idTokenOf(session);
    if (!metadata?.endSessionEndpoint || idToken === null) return { oktaLogoutUrl: null };
    const url = new URL(metadata.endSessionEndpoint);
    url.searchParams.set('id_token_hint', idToken);
    url.searchParams.set('post_logout_redirect_uri', `${site.origin}/`);
    return { oktaLogoutUrl: url.href };
  }

  /**
   * The browser has signed in anew: its session from before, whosever it was, ends. A cookie that is no session was planted,
   * or is left from one that has ended; it comes to nothing and stands in the audit.
   */
  async replaced({ tenant: { tenantId: tenant } }: Site, secret: string | null): Promise<void> {
    const { sessions, database } = this.parts;
    if (secret === null) return;
    const session = await sessions.find(tenant, secret);
    if (!session) return record(database, { event: 'request_refused', code: 'unknown_session', tenant });
    await sessions.end(database, session.id, 'session_ended', 'replaced_by_login');
    await this.revoke(session);
  }

  private async token(session: Session): Promise<AccessToken> {
    const { tokens, sessions, database } = this.parts;
    const token = await tokens.of(session);
    if (token) return token;
    await sessions.end(database, session.id, 'session_ended', 'refused_by_cognito');
    tokens.forget(session.id);
    throw noSession();
  }

  /** Best effort: the session is over here whatever Cognito answers, and an access token lives for minutes. */
  private async revoke(session: Session): Promise<void> {
    const { sessions, tokens, cognito, logger } = this.parts;
    tokens.forget(session.id);
    const refreshToken = sessions.refreshTokenOf(session);
    if (refreshToken === null) return;
    await cognito
      .revoke(refreshToken)
      .catch((error: unknown) =>
        logger.warn({ tenant: session.tenant, err: error, code: 'token_not_revoked' }, 'Cognito keeps a refresh token'),
      );
  }
}

const noSession = (): Problem =>
  new Problem('unauthenticated', 'There is no session, or it has ended. Sign in at /auth/okta/login.');

const viewOf = ({ tenant }: Site, session: Session, token: AccessToken): SessionView => ({
  account: {
    id: session.accountId,
    userName: session.userName,
    displayName: session.displayName,
    email: session.email,
  },
  tenant: { id: tenant.tenantId, slug: tenant.slug },
  roles: session.roles,
  primaryRole: session.roles[0] ?? null,
  accessToken: token.accessToken,
  accessTokenExpiresAt: new Date(token.expiresAt).toISOString(),
  sessionExpiresAt: session.expiresAt.toISOString(),
});
