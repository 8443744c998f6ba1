/**
 * The Okta credentials of the tenants in memory: asks the secret store seldom and never takes "cannot know" for "no".
 * - An answer is at most `ttlMs` old; one question at a time per tenant.
 * - {@link OktaSecrets.renewed} asks again although the answer is fresh (a hook secret that does not match may have been
 *   rotated a moment ago), at most every `renewIntervalMs` per tenant.
 * - While the store is down, what was known up to `staleMs` ago goes on working.
 * - At most `maxTenants` are kept; the ones that were asked for longest ago go first.
 */
import { readOktaSecret, type OktaCredentials } from './okta-secret.js';
import type { SecretStore } from './store.js';

export interface OktaSecretsOptions {
  readonly store: SecretStore;
  readonly ttlMs?: number;
  readonly renewIntervalMs?: number;
  readonly staleMs?: number;
  readonly maxTenants?: number;
  /** Told when the store could not be asked, e.g. to log it. */
  readonly onStoreError?: (tenantId: string, error: unknown) => void;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

interface Entry {
  readonly credentials: OktaCredentials | null;
  readonly readAt: number;
}

interface Slot {
  entry: Entry | null;
  asking: Promise<void> | null;
  askedAt: number;
  /** Why the last question got no answer. */
  failure: unknown;
}

export class OktaSecrets {
  private readonly slots = new Map<string, Slot>();
  private readonly now: () => number;

  constructor(private readonly options: OktaSecretsOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Null = not connected. Throws SecretStoreUnavailable when it cannot know. Ask only about tenants that exist. */
  get(tenantId: string): Promise<OktaCredentials | null> {
    const slot = this.slotOf(tenantId);
    const fresh = slot.entry !== null && this.now() - slot.entry.readAt < (this.options.ttlMs ?? 60_000);
    return this.answer(tenantId, slot, fresh);
  }

  /** As {@link get}, read from the store unless that was done a moment ago. */
  renewed(tenantId: string): Promise<OktaCredentials | null> {
    return this.answer(tenantId, this.slotOf(tenantId), false);
  }

  /** Forgets what is known of a tenant: its settings changed. An answer that is under way is not kept either. */
  invalidate(tenantId: string): void {
    this.slots.delete(tenantId);
  }

  private async answer(tenantId: string, slot: Slot, goodEnough: boolean): Promise<OktaCredentials | null> {
    const justAsked = this.now() - slot.askedAt < (this.options.renewIntervalMs ?? 2_000);
    if (!goodEnough && (slot.asking || !justAsked)) await this.ask(tenantId, slot);
    const { entry, failure } = slot;
    const usable = entry !== null && this.now() - entry.readAt < (this.options.staleMs ?? 3_600_000);
    if (!usable) throw failure;
    return entry.credentials;
  }

  /** Never rejects; the failure stands in the slot. */
  private ask(tenantId: string, slot: Slot): Promise<void> {
    if (slot.asking) return slot.asking;
    const askedAt = this.now();
    slot.askedAt = askedAt;
    slot.asking = readOktaSecret(this.options.store, tenantId)
      .then(
        (credentials) => {
          slot.entry = { credentials, readAt: askedAt };
          slot.failure = undefined;
        },
        (error: unknown) => {
          slot.failure = error;
          this.options.onStoreError?.(tenantId, error);
        },
      )
      .finally(() => (slot.asking = null));
    return slot.asking;
  }

  /** The slot, now the youngest of the map. */
  private slotOf(tenantId: string): Slot {
    const slot = this.slots.get(tenantId) ?? { entry: null, asking: null, askedAt: -Infinity, failure: undefined };
    this.slots.delete(tenantId);
    this.slots.set(tenantId, slot);
    if (this.slots.size > (this.options.maxTenants ?? 1_000))
      for (const oldest of this.slots.keys()) {
        this.slots.delete(oldest);
        break;
      }
    return slot;
  }
}
