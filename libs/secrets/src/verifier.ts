/**
 * Who sends this SCIM request? Answers from memory, as {@link SecretCache} keeps it, and never takes "cannot know" for
 * "no":
 * - a token that does not match asks again, because it may have been rotated a moment ago;
 * - only tenants that the settings know are looked up, so made-up tenant ids cost nothing and are not remembered.
 */
import { timingSafeEqual } from 'node:crypto';
import { readAcceptedHashes, scimTokenSecretName, type AcceptedHash } from './scim-token-secret.js';
import { SecretCache, type KnownSecret, type SecretCacheOptions } from './secret-cache.js';
import { SecretStoreUnavailable, type SecretStore } from './store.js';
import { hashScimToken, parseScimToken } from './token.js';

type Hashes = readonly AcceptedHash[];

export interface ScimTokenVerifierOptions extends Partial<Omit<SecretCacheOptions<Hashes>, 'read'>> {
  readonly store: SecretStore;
  /** Does the service's copy of the settings know this tenant? */
  readonly isKnownTenant: (tenantId: string) => boolean | Promise<boolean>;
}

export interface VerifiedToken {
  readonly tenantId: string;
  readonly which: 'current' | 'previous';
}

/** Rotations that may overtake one request before it is answered with what it found. */
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
   * Takes the value of the `Authorization` header: `Bearer <token>`, or the bare token (Okta's header mode sends what
   * the administrator typed). null = not a valid token. Throws {@link SecretStoreUnavailable} when it cannot know.
   */
  async verify(header: string | undefined): Promise<VerifiedToken | null> {
    const parsed = parseScimToken((header ?? '').trim().replace(/^Bearer +/i, ''));
    if (!parsed || !(await this.options.isKnownTenant(parsed.tenantId))) return null;
    const { tenantId } = parsed;
    const digest = Buffer.from(hashScimToken(parsed.token), 'hex');
    for (let attempt = 1; ; attempt++) {
      const known = this.cache.of(tenantId);
      const which = (await this.find(known, digest)) ?? (await this.findRenewed(known, digest));
      // Invalidated meanwhile: what was found may be older than the rotation.
      if (!this.cache.isCurrent(known) && attempt < MAX_ATTEMPTS) continue;
      if (which) return { tenantId, which };
      // No match. That is an answer only if the store was heard after the last failure to ask it.
      if (known.failure !== undefined) throw unavailable(tenantId, known.failure);
      return null;
    }
  }

  /** Forgets what is known of a tenant: its token was rotated. */
  invalidate(tenantId: string): void {
    this.cache.invalidate(tenantId);
  }

  private async find(known: KnownSecret<Hashes>, digest: Buffer): Promise<VerifiedToken['which'] | null> {
    if (!known.fresh) {
      const renewed = known.renew();
      // While the store keeps failing, requests with a known token do not wait for yet another time-out.
      if (known.failure === undefined || known.value === undefined) await renewed;
    }
    return known.value ? match(known.value, digest, this.now()) : null;
  }

  private async findRenewed(known: KnownSecret<Hashes>, digest: Buffer): Promise<VerifiedToken['which'] | null> {
    await known.renew();
    return known.value ? match(known.value, digest, this.now()) : null;
  }
}

/** Compares with every hash, valid or not, in constant time: the duration tells nothing about which one came close. */
function match(accepted: Hashes, digest: Buffer, now: number): VerifiedToken['which'] | null {
  let found: VerifiedToken['which'] | null = null;
  for (const { hash, which, validUntil } of accepted) {
    if (timingSafeEqual(Buffer.from(hash, 'hex'), digest) && now < validUntil) found ??= which;
  }
  return found;
}

const unavailable = (tenantId: string, cause: unknown): SecretStoreUnavailable =>
  cause instanceof SecretStoreUnavailable ? cause : new SecretStoreUnavailable(scimTokenSecretName(tenantId), cause);
