/**
 * Verifies Cognito access tokens (RFC 7515, RFC 7519). The algorithm and everything else that an attacker could choose
 * is fixed (RFC 8725 section 3).
 */
import { verify } from 'node:crypto';
import { parseAccountId, type AccountKey } from './account-id.js';
import { systemClock, type Clock } from './clock.js';
import { AccessDenied } from './denied.js';
import { KeySet, type VerificationKey } from './jwks.js';

export interface VerifiedToken {
  /** The `username` claim. The user pool uses our account ids as user names; Cognito chooses `sub` itself. */
  readonly accountId: string;
  readonly account: AccountKey;
  readonly clientId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Tenant of the account, if the pre-token trigger of the pool adds it. Cognito adds none. */
  readonly tenantId: string | undefined;
  readonly groups: readonly string[];
  /** The service that acts for the account (RFC 8693 section 4.1, `act.sub`). Null means that the person acts. */
  readonly actor: string | null;
  readonly key: VerificationKey;
}

export interface TokenVerifierOptions {
  /** The user pool, compared exactly: `https://cognito-idp.<region>.amazonaws.com/<user pool id>`. */
  readonly issuer: string;
  readonly clientIds: readonly string[];
  readonly keys: KeySet;
  /** Tokens with an actor are accepted only if they were exchanged for this audience. Null accepts no such token. */
  readonly audience: string | null;
  readonly clock?: Clock;
}

/** Node accepts at most 16 KiB of request headers, so every token is shorter than this. */
const MAX_TOKEN_LENGTH = 16_384;
const CLOCK_TOLERANCE_SECONDS = 5;
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** Headers that choose the key or change the meaning of the token. No Cognito token has any of them. */
const FORBIDDEN_HEADERS = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'b64', 'zip', 'enc'];

type Claims = Readonly<Record<string, unknown>>;

export class TokenVerifier {
  private readonly clientIds: ReadonlySet<string>;
  private readonly clock: Clock;

  constructor(private readonly options: TokenVerifierOptions) {
    // An unset variable that is split at its commas gives one empty text.
    if (options.clientIds.every((id) => id.trim() === ''))
      throw new TypeError('clientIds is empty, so no token would ever be accepted');
    if (options.audience !== null && !(typeof options.audience === 'string' && options.audience !== ''))
      throw new TypeError(
        'audience is missing. Pass the name of this service in token exchanges, or null to refuse all exchanged tokens.',
      );
    this.clientIds = new Set(options.clientIds);
    this.clock = options.clock ?? systemClock;
  }

  /** Rejects with {@link AccessDenied}. Waits only if it must fetch keys. */
  async verify(token: string): Promise<VerifiedToken> {
    if (token.length > MAX_TOKEN_LENGTH || !COMPACT_JWS.test(token)) throw malformed();
    const endOfHeader = token.indexOf('.');
    const endOfPayload = token.lastIndexOf('.');
    const kid = checkHeader(decode(token.slice(0, endOfHeader)));
    const key = this.options.keys.find(kid) ?? (await this.options.keys.get(kid));
    checkSignature(token, endOfPayload, key);
    return this.checkClaims(decode(token.slice(endOfHeader + 1, endOfPayload)), key);
  }

  /** Throws if the token has expired. The guard calls it again for each use of a cached token. */
  checkTime(token: Pick<VerifiedToken, 'expiresAt'>): void {
    if (this.clock.now() / 1000 >= token.expiresAt + CLOCK_TOLERANCE_SECONDS)
      throw new AccessDenied('token_expired', 'The token has expired. Refresh it or sign in again.');
  }

  private checkClaims(claims: Claims, key: VerificationKey): VerifiedToken {
    const {
      iss,
      token_use: use,
      client_id: clientId,
      username,
      exp,
      iat,
      nbf,
      tenant_id: tenantId,
      'cognito:groups': groups,
    } = claims;
    if (iss !== this.options.issuer) throw new AccessDenied('issuer_mismatch', 'The token comes from another issuer.');
    if (use !== 'access')
      throw new AccessDenied(
        'not_an_access_token',
        'This is not an access token. Send the access token, not the ID token.',
      );
    if (typeof clientId !== 'string' || !this.clientIds.has(clientId))
      throw new AccessDenied(
        'client_not_allowed',
        'The token was issued to an application that may not call this service.',
      );
    const account = typeof username === 'string' ? parseAccountId(username) : undefined;
    if (!account) throw new AccessDenied('claims_invalid', 'The token does not name a StackFlow account.');
    if (!isSeconds(exp) || !isSeconds(iat) || (nbf !== undefined && !isSeconds(nbf)))
      throw new AccessDenied('claims_invalid', 'The token has no valid time of issue or no valid expiry.');
    if (tenantId !== undefined && typeof tenantId !== 'string')
      throw new AccessDenied('claims_invalid', 'The tenant in the token is not a string.');
    if (!isOptionalTexts(groups))
      throw new AccessDenied('claims_invalid', 'The groups in the token are not a list of strings.');
    const actor = this.actorIn(claims);
    this.checkTime({ expiresAt: exp });
    const latest = this.clock.now() / 1000 + CLOCK_TOLERANCE_SECONDS;
    if (iat > latest || (nbf ?? iat) > latest)
      throw new AccessDenied('token_not_yet_valid', 'The token is not valid yet; a clock is wrong.');
    return {
      accountId: (username as string).toLowerCase(),
      account,
      clientId,
      issuedAt: Math.floor(iat),
      expiresAt: exp,
      tenantId: tenantId?.toLowerCase(),
      groups: groups ?? [],
      actor,
      key,
    };
  }

  /**
   * Returns the service that acts for the account. auth-service adds `act` and `exchange_audience` to an exchanged
   * token; a token from a sign-in has neither.
   */
  private actorIn({ act, exchange_audience: audience }: Claims): string | null {
    if (act === undefined) return null;
    const actor = typeof act === 'object' && act !== null && 'sub' in act ? act.sub : undefined;
    if (typeof actor !== 'string' || actor === '')
      throw new AccessDenied('claims_invalid', 'The token does not name the service that acts for the account.');
    if (this.options.audience === null || audience !== this.options.audience)
      throw new AccessDenied('audience_mismatch', 'The token was exchanged for another service.');
    return actor;
  }
}

const malformed = () => new AccessDenied('token_malformed', 'The bearer token is not a JSON Web Token.');

/** Returns the key id. Checks the algorithm before any key is looked up. */
function checkHeader(header: Claims): string {
  if (header.alg !== 'RS256') throw new AccessDenied('algorithm_not_allowed', 'The token is not signed with RS256.');
  for (const name of FORBIDDEN_HEADERS)
    if (name in header)
      throw new AccessDenied('header_not_allowed', `A token with the header "${name}" is not accepted.`);
  if (typeof header.kid !== 'string' || header.kid === '')
    throw new AccessDenied('key_unknown', 'The token does not say which key signed it.');
  return header.kid;
}

function checkSignature(token: string, endOfPayload: number, { key }: VerificationKey): void {
  const encoded = token.slice(endOfPayload + 1);
  const signature = Buffer.from(encoded, 'base64url');
  // Node ignores unused bits of the last character. Without this check, several strings would be valid spellings of one
  // token.
  const canonical = signature.toString('base64url') === encoded;
  if (!canonical || !verify('RSA-SHA256', Buffer.from(token.slice(0, endOfPayload), 'latin1'), key, signature))
    throw new AccessDenied('signature_invalid', 'The signature of the token is wrong.');
}

function decode(part: string): Claims {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new AccessDenied('token_malformed', 'The bearer token is not a JSON Web Token.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
  return value as Claims;
}

const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isOptionalTexts = (value: unknown): value is string[] | undefined =>
  value === undefined || (Array.isArray(value) && value.every((v) => typeof v === 'string'));
