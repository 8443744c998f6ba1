/** The claims of Cognito's tokens (AWS, "Understanding the identity (ID) token" and "... access token"). */
import type { TriggerAnswer } from './triggers.js';
import type { UserRow } from './users.sql.js';

export interface Issue {
  readonly issuer: string;
  readonly clientId: string;
  readonly user: UserRow;
  readonly groups: readonly string[];
  readonly originJti: string;
  /** Time of the sign-in in seconds since the epoch. */
  readonly authTime: number;
  readonly now: number;
  readonly lifetimes: { readonly id: number; readonly access: number };
  readonly ids: { readonly event: string; readonly id: string; readonly access: string };
}

export type Claims = Record<string, unknown>;
type Changes = TriggerAnswer<'PreTokenGeneration'>['claimsAndScopeOverrideDetails'];

/** The scope that allows self-service calls with an access token. Only a trigger can leave it out. */
export const SELF_SERVICE_SCOPE = 'aws.cognito.signin.user.admin';
const FLAGS = new Set(['email_verified', 'phone_number_verified']);

/** Claims that a trigger cannot change. Cognito ignores such changes. */
const RESERVED = new Set([
  ...['acr', 'amr', 'at_hash', 'aud', 'auth_time', 'azp', 'client_id', 'cognito:username', 'device_key', 'event_id'],
  ...['exp', 'iat', 'identities', 'iss', 'jti', 'nbf', 'nonce', 'origin_jti', 'scope', 'sub', 'token_use', 'username'],
]);

export function tokenClaims(issue: Issue, changes: Changes): { readonly id: Claims; readonly access: Claims } {
  const groups = groupsInTokens(issue.groups, changes);
  const common = {
    sub: issue.user.sub,
    ...(groups.length > 0 && { 'cognito:groups': groups }),
    iss: issue.issuer,
    origin_jti: issue.originJti,
    event_id: issue.ids.event,
    auth_time: issue.authTime,
    iat: issue.now,
  };
  const id = {
    ...attributeClaims(issue.user.attributes),
    ...common,
    'cognito:username': issue.user.username,
    aud: issue.clientId,
    token_use: 'id',
    exp: issue.now + issue.lifetimes.id,
    jti: issue.ids.id,
  };
  const access = {
    ...common,
    client_id: issue.clientId,
    token_use: 'access',
    scope: scopes(changes),
    exp: issue.now + issue.lifetimes.access,
    jti: issue.ids.access,
    username: issue.user.username,
  };
  return { id: changed(id, changes?.idTokenGeneration), access: changed(access, changes?.accessTokenGeneration) };
}

/**
 * Returns the groups for the tokens. If the trigger's answer has no `groupOverrideDetails`, the tokens contain all
 * groups of the user. If `groupOverrideDetails` is null or names no groups, the tokens contain none.
 */
function groupsInTokens(groups: readonly string[], changes: Changes): readonly string[] {
  const details = changes?.groupOverrideDetails;
  return details === undefined ? groups : (details?.groupsToOverride ?? []);
}

function scopes(changes: Changes): string {
  const { scopesToAdd, scopesToSuppress } = changes?.accessTokenGeneration ?? {};
  const all = new Set([SELF_SERVICE_SCOPE, ...(scopesToAdd ?? [])]);
  for (const scope of scopesToSuppress ?? []) all.delete(scope);
  return [...all].join(' ');
}

function changed(
  claims: Claims,
  changes: {
    claimsToAddOrOverride?: Claims | null | undefined;
    claimsToSuppress?: string[] | null | undefined;
  } | null = {},
): Claims {
  const free = ([name]: [string, unknown]): boolean => !RESERVED.has(name);
  const added = Object.entries(changes?.claimsToAddOrOverride ?? {}).filter(free);
  const suppressed = new Set((changes?.claimsToSuppress ?? []).filter((name) => !RESERVED.has(name)));
  return Object.fromEntries([...Object.entries(claims), ...added].filter(([name]) => !suppressed.has(name)));
}

const attributeClaims = (attributes: Readonly<Record<string, string>>): Claims =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, FLAGS.has(name) ? value.toLowerCase() === 'true' : value]),
  );
