/** Caches the tenants' OIDC client secrets for five minutes. If Okta refuses a secret, it is read again. */
import { Injectable } from '@nestjs/common';
import { readOidcSecret, SecretStore } from '#secrets';

const KEEP_MS = 300_000;

@Injectable()
export class ClientSecrets {
  private readonly cached = new Map<string, { readonly secret: Promise<string | null>; readonly until: number }>();

  constructor(private readonly store: SecretStore) {}

  /** Returns the secret, or null if none is stored. Rejects with `SecretStoreUnavailable`. */
  of(tenantId: string): Promise<string | null> {
    const cached = this.cached.get(tenantId);
    if (cached && performance.now() < cached.until) return cached.secret;
    const secret = readOidcSecret(this.store, tenantId);
    this.cached.set(tenantId, { secret, until: performance.now() + KEEP_MS });
    // Only secrets are cached. After a failure, or if there is no secret, the next login reads the store again.
    void secret.then(
      (found) => found === null && this.forget(tenantId),
      () => this.forget(tenantId),
    );
    return secret;
  }

  forget(tenantId: string): void {
    this.cached.delete(tenantId);
  }
}
