/** Reads, refreshes and ends the session of a browser. */
import { Injectable } from '@nestjs/common';
import { OidcProvider } from '#okta';
import { Database, Problem } from '#platform';
import { TokenIssuer } from '../assertion/token-issuer.js';
import { record } from '../audit/audit.js';
import type { Site } from '../http/sites.js';
import { AccessTokens, type AccessToken } from './access-tokens.js';
import { BrowserSessions, type BrowserSession } from './browser-sessions.js';

export interface SessionView {
  readonly account: Pick<BrowserSession, 'id' | 'userName' | 'displayName' | 'email'>;
  readonly tenant: { readonly id: string; readonly slug: string };
  /** The roles in effect, highest precedence first. */
  readonly roles: readonly string[];
  readonly primaryRole: string | null;
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
  readonly sessionExpiresAt: string;
}

@Injectable()
export class SessionService {
  constructor(
    private readonly database: Database,
    private readonly sessions: BrowserSessions,
    private readonly tokens: AccessTokens,
    private readonly issuer: TokenIssuer,
    private readonly provider: OidcProvider,
  ) {}

  /** Returns the session. Throws `unauthenticated` if there is no session or it has just ended. */
  async view(site: Site, secret: string | null): Promise<SessionView> {
    const session = secret === null ? null : await this.sessions.find(site.tenant.tenantId, secret);
    if (!session) throw noSession();
    return viewOf(site, session, await this.token(session));
  }

  /**
   * Refreshes the session. Returns the next secret for the cookie, and the same view of the session as {@link view}.
   */
  async refresh(site: Site, secret: string | null): Promise<{ secret: string; expiresAt: Date; view: SessionView }> {
    const rotated = secret === null ? null : await this.sessions.rotate(site.tenant.tenantId, secret);
    if (!rotated) throw noSession();
    const { session } = rotated;
    const { id: sessionId, tenant, accountId, expiresAt, replaced } = session;
    const view = viewOf(site, session, await this.token(session));
    if (!replaced) await record(this.database, { event: 'session_refreshed', tenant, accountId, sessionId });
    return { secret: rotated.secret, expiresAt, view };
  }

  /**
   * Ends the session here and at Cognito. With `okta`, returns the URL at which the browser can also end the session at
   * Okta (OpenID Connect RP-Initiated Logout 1.0). The URL is null if Okta offers none.
   */
  async logout(site: Site, secret: string | null, okta: boolean): Promise<{ oktaLogoutUrl: string | null }> {
    const session = secret === null ? null : await this.sessions.find(site.tenant.tenantId, secret);
    if (!session) return { oktaLogoutUrl: null };
    await this.sessions.end(this.database, session.id, 'logout', 'by_person');
    await this.revoke(session);
    const { sso } = site.tenant.settings;
    if (!okta || !sso) return { oktaLogoutUrl: null };
    const metadata = await this.provider.discover(sso.issuer).catch(() => null);
    const idToken = this.sessions.idTokenOf(session);
    if (!metadata?.endSessionEndpoint || idToken === null) return { oktaLogoutUrl: null };
    const url = new URL(metadata.endSessionEndpoint);
    url.searchParams.set('id_token_hint', idToken);
    url.searchParams.set('post_logout_redirect_uri', `${site.origin}/`);
    return { oktaLogoutUrl: url.href };
  }

  /**
   * Ends the session that the browser had before a new sign-in, even if it belonged to another person. An unknown
   * secret is audited, because an attacker may have planted the cookie.
   */
  async replaced({ tenant: { tenantId: tenant } }: Site, secret: string | null): Promise<void> {
    if (secret === null) return;
    const session = await this.sessions.find(tenant, secret);
    if (!session) return record(this.database, { event: 'request_refused', code: 'unknown_session', tenant });
    await this.sessions.end(this.database, session.id, 'session_ended', 'replaced_by_login');
    await this.revoke(session);
  }

  private async token(session: BrowserSession): Promise<AccessToken> {
    const token = await this.tokens.of(session);
    if (token) return token;
    await this.sessions.end(this.database, session.id, 'session_ended', 'refused_by_cognito');
    this.tokens.forget(session.id);
    throw noSession();
  }

  private async revoke(session: BrowserSession): Promise<void> {
    this.tokens.forget(session.id);
    const refreshToken = this.sessions.refreshTokenOf(session);
    if (refreshToken !== null) await this.issuer.revoke(refreshToken, session.tenant);
  }
}

const noSession = (): Problem =>
  new Problem('unauthenticated', 'There is no session, or it has ended. Sign in at /auth/okta/login.');

const viewOf = ({ tenant }: Site, session: BrowserSession, token: AccessToken): SessionView => ({
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
