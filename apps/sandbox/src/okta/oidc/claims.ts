/**
 * The claims of Okta's tokens (Okta, "OpenID Connect & OAuth 2.0 API"). If an access token is issued too, the ID token
 * contains only name, e-mail and username, and `/userinfo` returns the rest. ID tokens have neither `azp` nor
 * `email_verified`.
 */
import { createHash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { randomText } from '../../text.js';
import { displayName } from '../model.js';
import { seconds, type Client, type Grant } from './model.js';
import type { OidcPerson } from './people.sql.js';
import type { AuthorizationServer } from './servers.js';

export const TOKEN_SECONDS = 3_600;

export interface Subject {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly person: OidcPerson;
  readonly grant: Grant;
  /** Time of issue in seconds since the epoch. */
  readonly now: number;
}

export function idTokenClaims(subject: Subject, accessToken: string): JWTPayload {
  const { server, client, person, grant, now } = subject;
  return {
    sub: person.id,
    ...thinProfile(person, grant.scopes),
    ver: 1,
    iss: server.issuer,
    aud: client.clientId,
    iat: now,
    exp: now + TOKEN_SECONDS,
    jti: `ID.${randomText(43)}`,
    amr: client.settings.mfa ? ['mfa', 'otp', 'pwd'] : ['pwd'],
    // `idp` is the id of the org, because Okta itself is the identity provider.
    idp: client.orgId,
    ...(grant.nonce !== null && { nonce: grant.nonce }),
    auth_time: grant.authTime,
    at_hash: atHash(accessToken),
    ...groupsClaim(subject),
  };
}

/** `sub` is the login, which can change and be given to another person. `uid` is the person's id. */
export function accessTokenClaims({ server, client, person, grant, now }: Subject): JWTPayload {
  return {
    ver: 1,
    jti: `AT.${randomText(43)}`,
    iss: server.issuer,
    aud: server.audience,
    iat: now,
    exp: now + TOKEN_SECONDS,
    cid: client.clientId,
    uid: person.id,
    scp: [...grant.scopes],
    auth_time: grant.authTime,
    sub: person.login,
  };
}

export function userInfoClaims(person: OidcPerson, scopes: readonly string[], client: Client): object {
  const { firstName, lastName, email, locale } = person.profile;
  const profile = {
    ...thinProfile(person, ['profile']),
    given_name: firstName,
    family_name: lastName,
    locale: locale ?? 'en_US',
    zoneinfo: 'America/Los_Angeles',
    updated_at: seconds(person.updatedAt),
  };
  return {
    sub: person.id,
    ...(scopes.includes('profile') && profile),
    ...(scopes.includes('email') && { email: email ?? person.login, email_verified: true }),
    ...groupsClaim({ person, client, grant: { scopes } }),
  };
}

/** The claim `at_hash`: the left half of the access token's SHA-256 hash (OpenID Connect Core, 3.1.3.6). */
export const atHash = (accessToken: string): string =>
  createHash('sha256').update(accessToken, 'ascii').digest().subarray(0, 16).toString('base64url');

const thinProfile = (person: OidcPerson, scopes: readonly string[]): object => ({
  ...(scopes.includes('profile') && { name: displayName(person), preferred_username: person.login }),
  ...(scopes.includes('email') && { email: person.profile.email ?? person.login }),
});

/** The `groups` claim, if the client requested this scope and its app has such a claim. */
function groupsClaim(about: {
  readonly person: OidcPerson;
  readonly client: Client;
  readonly grant: Pick<Grant, 'scopes'>;
}): { groups?: string[] } {
  const prefix = about.client.settings.groupsFilter;
  if (prefix === null || !about.grant.scopes.includes('groups')) return {};
  return { groups: about.person.groups.filter((name) => name.startsWith(prefix)) };
}
