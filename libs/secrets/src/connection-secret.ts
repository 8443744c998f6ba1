/** What the secrets behind a tenant's connections have in common: how they are written, read with a schema, and forgotten. */
import { z } from 'zod';
import { SecretStoreUnavailable, type SecretStore } from './store.js';

/** What a disconnection leaves behind. */
const disconnected = z.object({ disconnectedAt: z.iso.datetime({ offset: true }) });

/** Null = none was stored, or it was erased. `remedy` tells what to do about a value that nobody here wrote. */
export async function readConnection<T extends object>(
  store: SecretStore,
  name: string,
  connected: z.ZodType<T>,
  remedy: string,
): Promise<T | null> {
  const text = await store.read(name);
  if (text === null) return null;
  try {
    const value = z.union([connected, disconnected]).parse(JSON.parse(text));
    return 'disconnectedAt' in value ? null : value;
  } catch {
    // The parser's message would quote the value.
    throw new SecretStoreUnavailable(name, new Error(`its value is not what this product writes; ${remedy}`));
  }
}

export async function writeConnection(store: SecretStore, name: string, value: object): Promise<void> {
  const text = JSON.stringify(value);
  if (!(await store.create(name, text))) await store.put(name, text);
}

/**
 * Forgets a secret that is there. Twice, so that the version that held it loses AWSPREVIOUS as well: Secrets Manager
 * hands out what no stage names to nobody who does not know the version's id, and deletes it in time.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
 */
export async function eraseConnection(store: SecretStore, name: string, now: number): Promise<void> {
  const text = JSON.stringify({ disconnectedAt: new Date(now).toISOString() });
  await store.put(name, text);
  await store.put(name, text);
}
