/**
 * The secret of a tenant's connection to Okta: the API token, and the hook secret that Okta's event hook sends in its
 * `Authorization` header. One value contains both, so no reader sees half of a change. The value also lists the older
 * hook secrets in their grace period, because AWSPREVIOUS may differ only in the API token.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { eraseConnection, readConnection, writeConnection } from './connection-secret.js';
import type { SecretStore } from './store.js';

const instant = z.iso.datetime({ offset: true });
const connected = z.object({
  apiToken: z.string().min(1),
  eventHookSecret: z.string().min(1),
  earlierHookSecrets: z.array(z.object({ eventHookSecret: z.string().min(1), validUntil: instant })).default([]),
});
type Connected = z.infer<typeof connected>;

/** A hook secret that is accepted until `validUntil` (milliseconds since 1970; Infinity for the current one). */
export interface AcceptedHookSecret {
  readonly secret: string;
  readonly validUntil: number;
}

export interface OktaCredentials {
  readonly apiToken: string;
  readonly hookSecrets: readonly AcceptedHookSecret[];
}

export interface OktaSecretChange {
  readonly apiToken: string;
  /** Whether to issue a new hook secret although one exists. */
  readonly rotateHookSecret: boolean;
  /** Milliseconds for which the old hook secret stays valid; 0 ends every older hook secret at once. */
  readonly graceMs: number;
}

/** A null `hookSecret` means that the current hook secret stays; it was shown when it was issued. */
export interface WrittenOktaSecret {
  readonly hookSecret: string | null;
  readonly previousValidUntil: Date | null;
}

/**
 * Largest number of older hook secrets, because the size of the value is limited. A rotation that exceeds this number
 * ends the oldest hook secret before its grace period is over.
 */
const MAX_EARLIER = 5;

export const oktaSecretName = (tenantId: string): string => `stackflow/${tenantId}/okta`;

/** Issues a hook secret if there is none or a rotation is requested. Callers serialize the changes of one tenant. */
export async function writeOktaSecret(
  store: SecretStore,
  tenantId: string,
  change: OktaSecretChange,
  now = Date.now(),
): Promise<WrittenOktaSecret> {
  const name = oktaSecretName(tenantId);
  const before = await read(store, name);
  if (before !== null && !change.rotateHookSecret) {
    await store.put(name, JSON.stringify({ ...before, apiToken: change.apiToken } satisfies Connected));
    return { hookSecret: null, previousValidUntil: null };
  }
  const hookSecret = `sfh1.${randomBytes(32).toString('base64url')}`;
  const validUntil = before !== null && change.graceMs > 0 ? new Date(now + change.graceMs) : null;
  const value: Connected = {
    apiToken: change.apiToken,
    eventHookSecret: hookSecret,
    earlierHookSecrets: before && validUntil ? inGrace(before, validUntil, now) : [],
  };
  await writeConnection(store, name, value);
  return { hookSecret, previousValidUntil: validUntil };
}

/** Erases the API token and the hook secrets, and their previous version. */
export async function eraseOktaSecret(store: SecretStore, tenantId: string, now = Date.now()): Promise<void> {
  const name = oktaSecretName(tenantId);
  if ((await store.read(name)) !== null) await eraseConnection(store, name, now);
}

/** Returns the credentials, or null if the tenant is not connected. Throws `SecretStoreUnavailable`. */
export async function readOktaSecret(store: SecretStore, tenantId: string): Promise<OktaCredentials | null> {
  const value = await read(store, oktaSecretName(tenantId));
  return (
    value && {
      apiToken: value.apiToken,
      hookSecrets: [
        { secret: value.eventHookSecret, validUntil: Infinity },
        ...value.earlierHookSecrets.map((e) => ({
          secret: e.eventHookSecret,
          validUntil: Date.parse(e.validUntil),
        })),
      ],
    }
  );
}

/** Returns the older hook secrets that stay valid, because Okta may still send one of them. */
function inGrace(before: Connected, validUntil: Date, now: number): Connected['earlierHookSecrets'] {
  const earlier = before.earlierHookSecrets.filter((e) => Date.parse(e.validUntil) > now);
  return [{ eventHookSecret: before.eventHookSecret, validUntil: validUntil.toISOString() }, ...earlier].slice(
    0,
    MAX_EARLIER,
  );
}

const read = (store: SecretStore, name: string): Promise<Connected | null> =>
  readConnection(store, name, connected, 'connect Okta again');
