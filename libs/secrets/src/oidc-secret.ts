/** The secret of a tenant's OIDC client, which the SSO bridge sends to Okta's token endpoint. */
import { z } from 'zod';
import { SecretStoreUnavailable, type SecretStore } from './store.js';

const value = z.object({ clientSecret: z.string().min(1).max(4096) });
/** What a disconnection leaves behind. */
const disconnected = z.object({ disconnectedAt: z.iso.datetime({ offset: true }) });

export const oidcSecretName = (tenantId: string): string => `stackflow/${tenantId}/oidc`;

/** Null = none was stored, or it was erased. */
export async function readOidcSecret(store: SecretStore, tenantId: string): Promise<string | null> {
  const name = oidcSecretName(tenantId);
  const text = await store.read(name);
  if (text === null) return null;
  try {
    const parsed = z.union([value, disconnected]).parse(JSON.parse(text));
    return 'disconnectedAt' in parsed ? null : parsed.clientSecret;
  } catch {
    // The parser's message would quote the value.
    throw new SecretStoreUnavailable(name, new Error('its value is not what this product writes; enter it again'));
  }
}

export async function writeOidcSecret(store: SecretStore, tenantId: string, clientSecret: string): Promise<void> {
  const name = oidcSecretName(tenantId);
  const text = JSON.stringify(value.parse({ clientSecret }));
  if (!(await store.create(name, text))) await store.put(name, text);
}

/** Forgets the secret, also the version before: as `eraseOktaSecret` does, and for its reason. */
export async function eraseOidcSecret(store: SecretStore, tenantId: string, now = Date.now()): Promise<void> {
  if ((await readOidcSecret(store, tenantId)) === null) return;
  const text = JSON.stringify({ disconnectedAt: new Date(now).toISOString() });
  await store.put(oidcSecretName(tenantId), text);
  await store.put(oidcSecretName(tenantId), text);
}
