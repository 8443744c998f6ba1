import { backTo } from './authorize-request.js';
import type { ServerId } from './model.js';
import { OAuthError, parameter, required } from './oauth-error.js';
import type { OidcProvider } from './provider.js';
import { secretInCookies, sessionCookie } from './sessions.js';

export interface SignedOut {
  /** Where the browser goes next. Null means that a page tells the person that they are signed out. */
  readonly location: string | null;
  /** The header that clears the browser's cookie, or null if no session was ended. */
  readonly cookie: string | null;
}

/** RP-initiated logout. Ends the session of this browser if it belongs to the person in the ID token. */
export async function signOut(
  oidc: OidcProvider,
  server: ServerId,
  query: unknown,
  cookies: string | undefined,
): Promise<SignedOut> {
  const hint = await oidc.tokens.readIdTokenHint(oidc.server(server), required(query, 'id_token_hint'));
  const client = typeof hint?.aud === 'string' ? await oidc.clients.byId(hint.aud) : null;
  if (!hint || !client)
    throw new OAuthError('invalid_request', "The 'id_token_hint' parameter holds no ID token of ours.");
  const target = parameter(query, 'post_logout_redirect_uri');
  if (target !== undefined && !client.settings.postLogoutRedirectUris.includes(target))
    throw new OAuthError(
      'invalid_request',
      `The 'post_logout_redirect_uri' parameter must be a Logout redirect URI in the client app settings; "${target}" is not.`,
    );
  const secret = secretInCookies(cookies, client.slug);
  const session = secret === undefined ? undefined : await oidc.sessions.find(client.slug, secret);
  const theirs = session !== undefined && session.personId === hint.sub;
  if (secret !== undefined && theirs) await oidc.sessions.end(secret);
  return {
    location: target === undefined ? null : backTo(target, { state: parameter(query, 'state') }),
    cookie: theirs ? sessionCookie(client.slug, '', oidc.secure) : null,
  };
}
