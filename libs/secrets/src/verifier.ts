/**
 * Verifies SCIM tokens with a {@link SecretCache}:
 * - If a token does not match, the store is read again, because the token may have been rotated a moment ago.
 * - Only tenants with settings are looked up, so invented tenant ids cause no reads and use no memory.
 */
import { timingSafeEqual } from 'node:crypto';
import { readAcceptedHashes, scimTokenSecretName, type AcceptedHash } from './scim-token-secret.js';
import { SecretCache, type KnownSecret, type SecretCacheOptions } from './secret-cache.js';
import { SecretStoreUnavailable, type SecretStore } from './store.js';
import { hashScimToken, parseScimToken } from './token.js';

type Hashes = readonly AcceptedHash[];

export interface ScimTokenVerifierOptions extends Partial<Omit<SecretCacheOptions<Hashes>, 'read'>> {
  readonly store: SecretStore;
  /** Whether the service has settings of this tenant. */
  readonly isKnownTenant: (tenantId: string) => boolean | Promise<boolean>;
}

export interface VerifiedToken {
  readonly tenantId: string;
  readonly which: 'current' | 'previous';
}

/** Limit of checks of one request. A request is checked again if its cache entry was invalidated meanwhile. */
const MAX_ATTEMPTS = 3;
const TTL_MS = 300_000;

export class ScimTokenVerifier {
  private readonly cache: SecretCache<Hashes>;
  private readonly now: () => number;

  constructor(private readonly options: ScimTokenVerifierOptions) {
    const read = (tenantId: string): Promise<Hashes | null> => readAcceptedHashes(options.store, tenantId);
    this.cache = new SecretCache({ ...options, ttlMs: options.ttlMs ?? TTL_MS, read });
    this.now = options.now ?? Date.now;
  }

  /**
   * Verifies the value of the `Authorization` header: `Bearer <token>`, or the bare token (Okta's header mode sends
   * what the administrator typed). Resolves with null for an invalid token. Throws {@link SecretStoreUnavailable} if
   * the store does not answer.
   */
  async verify(header: string | undefined): Promise<VerifiedToken | null> {
    const parsed = parseScimToken((header ?? '').trim().replace(/^Bearer +/i, ''));
    if (!parsed || !(await this.options.isKnownTenant(parsed.tenantId))) return null;
    const { tenantId } = parsed;
    const digest = Buffer.from(hashScimToken(parsed.token), 'hex');
    for (let attempt = 1; ; attempt++) {
      const known = this.cache.of(tenantId);
      const which = (await this.find(known, digest)) ?? (await this.findRenewed(known, digest));
      // If the entry was invalidated meanwhile, the result may be older than the rotation, so the token is checked
      // again.
      if (!this.cache.isCurrent(known) && attempt < MAX_ATTEMPTS) continue;
      if (which) return { tenantId, which };
      // No hash matches. The token is invalid only if the last read of the store succeeded.
      if (known.failure !== undefined) throw unavailable(tenantId, known.failure);
      return null;
    }
  }

  /** Drops the entry of a tenant whose token was rotated. */
  invalidate(tenantId: string): void {
    this.cache.invalidate(tenantId);
  }

  private async find(known: KnownSecret<Hashes>, digest: Buffer): Promise<VerifiedToken['which'] | null> {
    if (!known.fresh) {
      const renewed = known.renew();
      // While the store keeps failing, requests whose token matches the cached value do not wait for another time-out
      // of the store.
      if (known.failure === undefined || known.value === undefined) await renewed;
    }
    return known.value ? match(known.value, digest, this.now()) : null;
  }

  private async findRenewed(known: KnownSecret<Hashes>, digest: Buffer): Promise<VerifiedToken['which'] | null> {
    await known.renew();
    return known.value ? match(known.value, digest, this.now()) : null;
  }
}

/**
 * Compares with every hash, expired or not, in constant time, so that the duration reveals nothing about the hashes.
 */
function match(accepted: Hashes, digest: Buffer, now: number): VerifiedToken['which'] | null {
  let found: VerifiedToken['which'] | null = null;
  for (const { hash, which, validUntil } of accepted) {
    if (timingSafeEqual(Buffer.from(hash, 'hex'), digest) && now < validUntil) found ??= which;
  }
  return found;
}

const unavailable = (tenantId: string, cause: unknown): SecretStoreUnavailable =>
  cause instanceof SecretStoreUnavailable ? cause : new SecretStoreUnavailable(scimTokenSecretName(tenantId), cause);
