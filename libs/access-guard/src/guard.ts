/**
 * The guard without Nest. A verified token is cached until it expires. The account is looked up on every request, so a
 * fence, a removed role or a withdrawn key takes effect with the next request.
 */
import type { FollowLogger } from '#event-bus';
import type { Registry } from 'prom-client';
import { systemClock, type Clock } from './clock.js';
import { decide, defaultPolicy, type AccessPolicy, type Freshness } from './decide.js';
import { AccessDenied } from './denied.js';
import type { AccessFeed } from './feed.js';
import { isSecureUrl, KeySet, type KeySetOptions } from './jwks.js';
import { GuardMetrics } from './metrics.js';
import { FirstRefusals, type OnRefused } from './refusals.js';
import { TokenCache } from './token-cache.js';
import { TokenVerifier, type VerifiedToken } from './token.js';
import { AccessView, type Applied } from './view.js';

export interface AccessGuardOptions {
  /** The user pool: `https://cognito-idp.<region>.amazonaws.com/<user pool id>`. */
  readonly issuer: string;
  readonly clientIds: readonly string[];
  /**
   * Name of this service in token exchanges. A token that was exchanged for another service is refused. Null means that
   * this service has no such name, so every exchanged token is refused.
   */
  readonly audience: string | null;
  /** URL of the public keys. The default is the issuer's `/.well-known/jwks.json`. */
  readonly jwksUri?: string | undefined;
  readonly jwks?: Pick<KeySetOptions, 'cooldownMs' | 'maxAgeMs' | 'staleLimitMs' | 'timeoutMs'>;
  readonly feed: AccessFeed;
  readonly policy?: {
    readonly stale?: Partial<AccessPolicy['stale']>;
    readonly unknownAccount?: AccessPolicy['unknownAccount'];
  };
  /** Number of verified tokens to cache, about 1.5 kB each. The default is 10,000; 0 switches the cache off. */
  readonly cachedTokens?: number;
  readonly logger: FollowLogger;
  /** Registry of prom-client that gets the metrics of the guard. */
  readonly registry?: Registry;
  readonly onRefused?: OnRefused;
  readonly clock?: Clock;
}

export interface CallerAccess {
  readonly accountId: string;
  /** Null only with the policy `accept`, if the account is unknown and the token names no tenant. */
  readonly tenantId: string | null;
  /** Roles from `identity.access`, not from the token, so a removed role is missing at once. */
  readonly roles: readonly string[];
  readonly clientId: string;
  /** The service that acts for the account with an exchanged token. Null means that the person acts. */
  readonly actor: string | null;
  /** Time of issue, in seconds since the epoch, as in the token. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export class AccessGuard {
  readonly view = new AccessView();
  private readonly keys: KeySet;
  private readonly verifier: TokenVerifier;
  private readonly cache: TokenCache<VerifiedToken>;
  private readonly policy: AccessPolicy;
  private readonly clock: Clock;
  private readonly metrics = new GuardMetrics();
  private readonly refusals: FirstRefusals | undefined;
  private warnedOfEmptyFeed = false;
  private started = false;

  constructor(private readonly options: AccessGuardOptions) {
    const { issuer, clientIds, audience, logger, policy, onRefused } = options;
    requireSecureUrl('issuer', issuer);
    if (options.jwksUri !== undefined) requireSecureUrl('jwksUri', options.jwksUri);
    this.clock = options.clock ?? systemClock;
    this.policy = {
      stale: { ...defaultPolicy.stale, ...policy?.stale },
      unknownAccount: policy?.unknownAccount ?? defaultPolicy.unknownAccount,
    };
    this.keys = new KeySet({
      uri: options.jwksUri ?? `${issuer}/.well-known/jwks.json`,
      ...options.jwks,
      clock: this.clock,
      onFailure: (error) =>
        logger.warn(
          { err: error, code: 'jwks_unavailable' },
          'Cannot fetch the public keys of the token issuer. Known keys stay valid for up to an hour. Check the network and the URL of the keys.',
        ),
    });
    this.verifier = new TokenVerifier({ issuer, clientIds, audience, keys: this.keys, clock: this.clock });
    this.cache = new TokenCache(options.cachedTokens ?? 10_000);
    this.refusals = onRefused && new FirstRefusals(onRefused, logger);
    if (options.registry) this.metrics.register(options.registry, () => this.freshness());
  }

  /** Starts to read `identity.access`. Until it was read to its end once, every caller is refused with 503. */
  start(): void {
    if (this.started) return;
    this.started = true;
    this.keys.keepFresh();
    this.options.feed.start({
      changed: (record) => this.noteApplied(this.view.apply(record), record.accountId),
      removed: (tenantId, accountId) => this.noteApplied(this.view.block(tenantId, accountId, 'removed'), accountId),
      unreadable: (tenantId, accountId, why) => {
        this.options.logger.error(
          { code: 'access_record_unreadable', tenant: tenantId, accountId, reason: why },
          'Cannot read an access record. The account has no access until its next record arrives.',
        );
        this.noteApplied(this.view.block(tenantId, accountId, 'unreadable'), accountId);
      },
    });
  }

  close(): Promise<void> {
    return this.options.feed.close();
  }

  freshness(): Freshness {
    const completeAt = this.options.feed.completeAt();
    if (completeAt === undefined)
      return { state: 'bootstrapping', lagMs: Infinity, asOf: null, accounts: this.view.size };
    const lagMs = Math.max(0, this.clock.monotonic() - completeAt);
    return { state: this.state(completeAt), lagMs, asOf: new Date(this.clock.now() - lagMs), accounts: this.view.size };
  }

  /**
   * Returns the caller that the `Authorization` header names. With `anyOf`, the caller needs one of these roles.
   * Rejects only with {@link AccessDenied}. Waits only if a public key must be fetched.
   */
  async authorize(authorization: string | undefined, anyOf?: readonly string[]): Promise<CallerAccess> {
    try {
      const token = bearerToken(authorization);
      const access = this.decide(this.cached(token) ?? (await this.verify(token)));
      if (anyOf) requireRole(access, anyOf);
      this.metrics.count('allowed');
      return access;
    } catch (error) {
      if (error instanceof AccessDenied) this.metrics.count(error.reason);
      throw error;
    }
  }

  private decide(token: VerifiedToken): CallerAccess {
    const entry = this.view.find(token.account);
    const decision = decide(token, entry, this.state(this.options.feed.completeAt()), this.policy, this.clock.now());
    const { accountId, clientId, actor, issuedAt, expiresAt } = token;
    if (decision.allowed)
      return { accountId, tenantId: decision.tenantId, roles: decision.roles, clientId, actor, issuedAt, expiresAt };
    const { reason, detail } = decision;
    if (reason === 'account_unknown' && this.view.size === 0) this.warnOfEmptyFeed();
    if (entry && (reason === 'account_inactive' || reason === 'token_revoked'))
      this.refusals?.note(accountId, new Date(this.clock.now()), entry, reason);
    throw new AccessDenied(reason, detail);
  }

  /** A person has a valid token, so there must be an account, which this process cannot read. */
  private warnOfEmptyFeed(): void {
    if (this.warnedOfEmptyFeed) return;
    this.warnedOfEmptyFeed = true;
    this.options.logger.warn(
      { code: 'access_feed_empty' },
      'A valid token was refused, because the access feed has no account. Check that this role may read identity.access: a row security policy of bus.event_log can hide it',
    );
  }

  /**
   * Returns the cached result of verifying this token. Returns undefined if no result is cached, or if the issuer has
   * withdrawn the key. Throws if the token has expired.
   */
  private cached(token: string): VerifiedToken | undefined {
    const known = this.cache.get(token);
    if (!known) return undefined;
    this.keys.keepFresh();
    if (!known.key.live) {
      this.cache.delete(token);
      return undefined;
    }
    this.verifier.checkTime(known);
    return known;
  }

  private async verify(token: string): Promise<VerifiedToken> {
    const verified = await this.verifier.verify(token);
    this.cache.set(token, verified);
    return verified;
  }

  private state(completeAt: number | undefined): Freshness['state'] {
    if (completeAt === undefined) return 'bootstrapping';
    return this.clock.monotonic() - completeAt > this.policy.stale.afterMs ? 'stale' : 'live';
  }

  private noteApplied(applied: Applied, accountId: string): void {
    if (applied === 'foreign' || applied === 'no_account_id')
      this.options.logger.error(
        { code: `access_record_${applied}`, accountId },
        'An access record was ignored, so the access of the account is unchanged.',
      );
  }
}

function requireSecureUrl(option: 'issuer' | 'jwksUri', value: string): void {
  if (!isSecureUrl(value))
    throw new TypeError(`${option} must be an https URL, or http on this machine, got ${JSON.stringify(value)}`);
}

function requireRole(access: CallerAccess, roles: readonly string[]): void {
  if (!roles.some((role) => access.roles.includes(role)))
    throw new AccessDenied('role_missing', `The request needs one of the roles ${roles.join(', ')}.`);
}

/** Extracts the token (RFC 6750 section 2.1). The scheme is case-insensitive (RFC 9110 section 11.1). */
function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '')
    throw new AccessDenied('token_missing', 'Send an access token as "Authorization: Bearer <token>".');
  if (authorization.startsWith('Bearer ')) return authorization.slice(7);
  const [scheme = '', token = ''] = authorization.split(' ', 2);
  if (scheme.toLowerCase() === 'bearer' && token !== '') return token;
  throw new AccessDenied(
    'token_missing',
    'Send an access token as "Authorization: Bearer <token>"; other schemes are not accepted.',
  );
}
