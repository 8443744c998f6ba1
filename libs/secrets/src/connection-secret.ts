/** Writes, reads and erases the secrets of a tenant's connections. Each kind of secret has a schema of its own. */
import { z } from 'zod';
import { SecretStoreUnavailable, type SecretStore } from './store.js';

/** The stored value after a disconnection. */
const disconnected = z.object({ disconnectedAt: z.iso.datetime({ offset: true }) });

/**
 * Returns null if no value was stored or it was erased. `remedy` tells the operator what to do about an invalid value.
 */
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
    // The parser's message would quote the value, so it is not used.
    throw new SecretStoreUnavailable(
      name,
      new Error(`its value does not have the format that StackFlow writes; ${remedy}`),
    );
  }
}

export async function writeConnection(store: SecretStore, name: string, value: object): Promise<void> {
  const text = JSON.stringify(value);
  if (!(await store.create(name, text))) await store.put(name, text);
}

/**
 * Erases an existing secret. Writes twice, so that the old version also loses the stage AWSPREVIOUS. Secrets Manager
 * deletes a version without a stage after some time.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
 */
export async function eraseConnection(store: SecretStore, name: string, now: number): Promise<void> {
  const text = JSON.stringify({ disconnectedAt: new Date(now).toISOString() });
  await store.put(name, text);
  await store.put(name, text);
}
