/** The endpoints `/userinfo`, `/introspect` and `/revoke`. Each accepts only tokens of its own authorization server. */
import type { JWTPayload } from 'jose';
import { userInfoClaims } from './claims.js';
import type { Client, ServerId } from './model.js';
import { OAuthError, required } from './oauth-error.js';
import { findPerson, type OidcPerson } from './people.sql.js';
import type { OidcProvider } from './provider.js';

interface Live {
  readonly claims: JWTPayload;
  readonly client: Client;
  readonly person: OidcPerson;
  readonly scopes: readonly string[];
}

export async function userInfo(
  oidc: OidcProvider,
  server: ServerId,
  authorization: string | undefined,
): Promise<object> {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization ?? '')?.[1];
  const live = token === undefined ? null : await read(oidc, server, token);
  if (!live) throw new OAuthError('invalid_token', 'The access token is invalid.');
  if (!live.scopes.includes('openid'))
    throw new OAuthError(
      'insufficient_scope',
      'The access token must provide access to at least one of these scopes - openid',
    );
  return userInfoClaims(live.person, live.scopes, live.client);
}

/**
 * Introspects a token (RFC 7662). The org server describes a token only to the client that got it. The custom server
 * describes a token to any client of the org, because an API introspects tokens that it receives. All other callers get
 * `active: false`.
 */
export async function introspect(oidc: OidcProvider, server: ServerId, caller: Client, form: unknown): Promise<object> {
  const live = await read(oidc, server, required(form, 'token'));
  if (live?.client.slug !== caller.slug) return { active: false };
  if (server === 'org' && live.client.clientId !== caller.clientId) return { active: false };
  const { exp, iat, sub, aud, iss, jti, uid } = live.claims;
  const { clientId } = live.client;
  const about = {
    token_type: 'Bearer',
    scope: live.scopes.join(' '),
    client_id: clientId,
    username: live.person.login,
  };
  return { active: true, ...about, exp, iat, sub, aud, iss, jti, uid };
}

/** Revokes a token. The answer does not show whether the token existed (RFC 7009). */
export async function revoke(oidc: OidcProvider, server: ServerId, caller: Client, form: unknown): Promise<void> {
  const claims = await oidc.tokens.readAccessToken(oidc.server(server), required(form, 'token'));
  if (claims?.jti === undefined || claims.cid !== caller.clientId) return;
  await oidc.pending.spend(claims.jti, claims.exp ?? 0);
}

/** Returns null if the token is expired, revoked or from another server, or if the person is not active. */
async function read(oidc: OidcProvider, server: ServerId, token: string): Promise<Live | null> {
  const claims = await oidc.tokens.readAccessToken(oidc.server(server), token);
  if (!claims || (await oidc.pending.isSpent(claims.jti ?? ''))) return null;
  const client = await oidc.clients.byId(String(claims.cid));
  const person = client && (await findPerson(oidc.database, client.slug, String(claims.uid)));
  if (!client || person?.status !== 'ACTIVE') return null;
  const scopes = Array.isArray(claims.scp) ? claims.scp.map(String) : [];
  return { claims, client, person, scopes };
}
