import { oidcSecretName } from './oidc-secret.js';
import { oktaSecretName } from './okta-secret.js';
import { scimTokenSecretName } from './scim-token-secret.js';
import type { SecretStore } from './store.js';

/** Deletes all secrets of a tenant. */
export async function deleteTenantSecrets(store: SecretStore, tenantId: string): Promise<void> {
  for (const name of [scimTokenSecretName, oktaSecretName, oidcSecretName]) await store.delete(name(tenantId));
}
