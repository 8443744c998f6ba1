/** Caches the Okta credentials of the tenants in a {@link SecretCache}. */
import { readOktaSecret, type OktaCredentials } from './okta-secret.js';
import { SecretCache, type KnownSecret, type SecretCacheOptions } from './secret-cache.js';
import type { SecretStore } from './store.js';

export interface OktaSecretsOptions extends Partial<Omit<SecretCacheOptions<OktaCredentials>, 'read'>> {
  readonly store: SecretStore;
}

const TTL_MS = 60_000;

export class OktaSecrets {
  private readonly cache: SecretCache<OktaCredentials>;

  constructor({ store, ttlMs = TTL_MS, ...options }: OktaSecretsOptions) {
    this.cache = new SecretCache({ ...options, ttlMs, read: (tenantId) => readOktaSecret(store, tenantId) });
  }

  /**
   * Returns null if the tenant is not connected to Okta. Throws SecretStoreUnavailable. Call it only for tenants that
   * exist.
   */
  async get(tenantId: string): Promise<OktaCredentials | null> {
    const known = this.cache.of(tenantId);
    if (!known.fresh) await known.renew();
    return answer(known);
  }

  /** Like {@link get}, but reads the store again. Use it if a hook secret does not match: the cache may be outdated. */
  async renewed(tenantId: string): Promise<OktaCredentials | null> {
    const known = this.cache.of(tenantId);
    await known.renew();
    return answer(known);
  }

  invalidate(tenantId: string): void {
    this.cache.invalidate(tenantId);
  }
}

function answer({ value, failure }: KnownSecret<OktaCredentials>): OktaCredentials | null {
  if (value === undefined) throw failure;
  return value;
}
