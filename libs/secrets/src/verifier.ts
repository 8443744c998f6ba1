/**
 * Verifies SCIM tokens with a {@link SecretCache}. If a token does not match, reads the store again, because the token
 * may have been rotated a moment ago. Only tenants with settings are looked up, so invented tenant ids cause no reads.
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

/** A token is checked again if its cache entry was invalidated during the check. */
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
   * Verifies an `Authorization` header: `Bearer <token>`, or the bare token, because Okta may send what the
   * administrator typed. Resolves with null for an invalid token. Throws {@link SecretStoreUnavailable}.
   */
  async verify(header: string | undefined): Promise<VerifiedToken | null> {
    const parsed = parseScimToken((header ?? '').trim().replace(/^Bearer +/i, ''));
    if (!parsed || !(await this.options.isKnownTenant(parsed.tenantId))) return null;
    const { tenantId } = parsed;
    const digest = Buffer.from(hashScimToken(parsed.token), 'hex');
    for (let attempt = 1; ; attempt++) {
      const known = this.cache.of(tenantId);
      const which = (await this.find(known, digest)) ?? (await this.findRenewed(known, digest));
      // The entry was invalidated during the check, so the result may be older than a rotation.
      if (!this.cache.isCurrent(known) && attempt < MAX_ATTEMPTS) continue;
      if (which) return { tenantId, which };
      // The token is invalid only if the last read of the store succeeded.
      if (known.failure !== undefined) throw unavailable(tenantId, known.failure);
      return null;
    }
  }

  invalidate(tenantId: string): void {
    this.cache.invalidate(tenantId);
  }

  private async find(known: KnownSecret<Hashes>, digest: Buffer): Promise<VerifiedToken['which'] | null> {
    if (!known.fresh) {
      const renewed = known.renew();
      // While the store fails, use the cached value without waiting for the read.
      if (known.failure === undefined || known.value === undefined) await renewed;
    }
    return known.value ? match(known.value, digest, this.now()) : null;
  }

  private async findRenewed(known: KnownSecret<Hashes>, digest: Buffer): Promise<VerifiedToken['which'] | null> {
    await known.renew();
    return known.value ? match(known.value, digest, this.now()) : null;
  }
}

/** Compares with every hash, expired or not, in constant time: the duration must reveal nothing about the hashes. */
function match(accepted: Hashes, digest: Buffer, now: number): VerifiedToken['which'] | null {
  let found: VerifiedToken['which'] | null = null;
  for (const { hash, which, validUntil } of accepted) {
    if (timingSafeEqual(Buffer.from(hash, 'hex'), digest) && now < validUntil) found ??= which;
  }
  return found;
}

const unavailable = (tenantId: string, cause: unknown): SecretStoreUnavailable =>
  cause instanceof SecretStoreUnavailable ? cause : new SecretStoreUnavailable(scimTokenSecretName(tenantId), cause);
