/** The tenants' OIDC client secrets, kept for minutes; one that Okta refused is read afresh. */
import { readOidcSecret, type SecretStore } from '#secrets';

const KEEP_MS = 300_000;

export class ClientSecrets {
  private readonly known = new Map<string, { readonly secret: Promise<string | null>; readonly until: number }>();

  constructor(private readonly store: SecretStore) {}

  /** Null = none is stored. Rejects with `SecretStoreUnavailable`. */
  of(tenantId: string): Promise<string | null> {
    const known = this.known.get(tenantId);
    if (known && performance.now() < known.until) return known.secret;
    const secret = readOidcSecret(this.store, tenantId);
    this.known.set(tenantId, { secret, until: performance.now() + KEEP_MS });
    // Neither a failure nor an absence is remembered: the next login asks again.
    void secret.then(
      (found) => found === null && this.forget(tenantId),
      () => this.forget(tenantId),
    );
    return secret;
  }

  forget(tenantId: string): void {
    this.known.delete(tenantId);
  }

  onApplicationShutdown(): void {
    this.store.close();
  }
}
