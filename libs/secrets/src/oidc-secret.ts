/** Stores the secret of a tenant's OIDC client, which auth-service sends to Okta's token endpoint. */
import { z } from 'zod';
import { eraseConnection, readConnection, writeConnection } from './connection-secret.js';
import type { SecretStore } from './store.js';

const value = z.object({ clientSecret: z.string().min(1).max(4096) });

export const oidcSecretName = (tenantId: string): string => `stackflow/${tenantId}/oidc`;

export async function readOidcSecret(store: SecretStore, tenantId: string): Promise<string | null> {
  const stored = await readConnection(store, oidcSecretName(tenantId), value, 'enter it again');
  return stored?.clientSecret ?? null;
}

export async function writeOidcSecret(store: SecretStore, tenantId: string, clientSecret: string): Promise<void> {
  await writeConnection(store, oidcSecretName(tenantId), value.parse({ clientSecret }));
}

/** Erases the secret and its previous version. */
export async function eraseOidcSecret(store: SecretStore, tenantId: string, now = Date.now()): Promise<void> {
  if ((await readOidcSecret(store, tenantId)) === null) return;
  await eraseConnection(store, oidcSecretName(tenantId), now);
}
