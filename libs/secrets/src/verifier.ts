/**
 * Who sends this SCIM request? Answers from memory, asks the secret store seldom, and never takes "cannot know" for
 * "no":
 * - an answer is at most `ttlMs` old (jittered downwards, so that a fleet does not ask in step); one request per tenant
 *   at a time;
 * - a token that does not match asks again, because it may have been rotated a moment ago, at most every
 *   `mismatchIntervalMs` per tenant;
 * - only tenants that the settings know are looked up, so made-up tenant ids cost nothing and are not remembered;
 * - when the store is down, what was known up to `staleMs` ago goes on working.
 */
import { timingSafeEqual } from 'node:crypto';
import { readAcceptedHashes, scimTokenSecretName, type AcceptedHash } from './scim-token-secret.js';
import { SecretStoreUnavailable, type SecretStore } from './store.js';
import { hashScimToken, parseScimToken } from './token.js';

export interface ScimTokenVerifierOptions {
  readonly store: SecretStore;
  /** Does the service's copy of the settings know this tenant? */
  readonly isKnownTenant: (tenantId: string) => boolean | Promise<boolean>;
  readonly ttlMs?: number;
  readonly staleMs?: number;
  readonly mismatchIntervalMs?: number;
  /** Told when the store could not be asked, e.g. to log and count it. */
  readonly onStoreError?: (tenantId: string, error: unknown) => void;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

export interface VerifiedToken {
  readonly tenantId: string;
  readonly which: 'current' | 'previous';
}

interface Entry {
  /** null = the store says that this tenant has no token. */
  readonly accepted: readonly AcceptedHash[] | null;
  readonly readAt: number;
  readonly freshUntil: number;
}

/** What is known about asking for one tenant. A new object per invalidation: late answers to older questions are dropped. */
interface Slot {
  entry: Entry | null;
  asking: Promise<void> | null;
  askedAt: number;
  failure: unknown;
}

/** Rotations that may overtake one request before it is answered with what it found. */
const MAX_ATTEMPTS = 3;

export class ScimTokenVerifier {
  private readonly slots = new Map<string, Slot>();
  private readonly ttlMs: number;
  private readonly staleMs: number;
  private readonly mismatchIntervalMs: number;
  private readonly now: () => number;

  constructor(private readonly options: ScimTokenVerifierOptions) {
    this.ttlMs = options.ttlMs ?? 300_000;
    this.staleMs = options.staleMs ?? 3_600_000;
    this.mismatchIntervalMs = options.mismatchIntervalMs ?? 2_000;
    this.now = options.now ?? Date.now;
  }

  /**
   * Takes the value of the `Authorization` header: `Bearer <token>`, or the bare token (Okta's header mode sends what
   * the administrator typed). null = not a valid token. Throws {@link SecretStoreUnavailable} when it cannot know.
   */
  async verify(header: string | undefined): Promise<VerifiedToken | null> {
    const parsed = parseScimToken((header ?? '').trim().replace(/^Bearer +/i, ''));
    if (!parsed || !(await this.options.isKnownTenant(parsed.tenantId))) return null;
    const { tenantId } = parsed;
    const digest = Buffer.from(hashScimToken(parsed.token), 'hex');
    for (let attempt = 1; ; attempt++) {
      const slot = this.slotOf(tenantId);
      const which =
        (await this.find(slot, tenantId, digest, 'if-expired')) ??
        (await this.find(slot, tenantId, digest, 'if-no-match'));
      // Invalidated meanwhile: what was found may be older than the rotation.
      if (this.slots.get(tenantId) !== slot && attempt < MAX_ATTEMPTS) continue;
      if (which) return { tenantId, which };
      // No match. That is an answer only if the store was heard after the last failure to ask it.
      if (slot.failure !== undefined) throw unavailable(tenantId, slot.failure);
      return null;
    }
  }

  /** Forgets what is known of a tenant: its token was rotated. */
  invalidate(tenantId: string): void {
    this.slots.delete(tenantId);
  }

  private async find(
    slot: Slot,
    tenantId: string,
    digest: Buffer,
    when: 'if-expired' | 'if-no-match',
  ): Promise<'current' | 'previous' | null> {
    const now = this.now();
    const wanted = when === 'if-no-match' || !slot.entry || now >= slot.entry.freshUntil;
    if (wanted && (slot.asking || now - slot.askedAt >= this.mismatchIntervalMs)) {
      // While the store keeps failing, requests with a known token do not wait for yet another time-out.
      const patient = when === 'if-no-match' || slot.failure === undefined || !this.usable(slot);
      const asking = this.ask(tenantId, slot);
      if (patient) await asking;
    }
    return slot.entry?.accepted && this.usable(slot) ? match(slot.entry.accepted, digest, this.now()) : null;
  }

  private usable(slot: Slot): boolean {
    return slot.entry !== null && this.now() - slot.entry.readAt < this.staleMs;
  }

  private slotOf(tenantId: string): Slot {
    let slot = this.slots.get(tenantId);
    if (!slot) this.slots.set(tenantId, (slot = { entry: null, asking: null, askedAt: -Infinity, failure: undefined }));
    return slot;
  }

  /** One question at a time per tenant; never rejects, the failure stands in the slot. */
  private ask(tenantId: string, slot: Slot): Promise<void> {
    if (slot.asking) return slot.asking;
    const askedAt = this.now();
    slot.askedAt = askedAt;
    slot.asking = readAcceptedHashes(this.options.store, tenantId)
      .then(
        (accepted) => {
          slot.entry = { accepted, readAt: askedAt, freshUntil: askedAt + this.ttlMs * (0.8 + 0.2 * Math.random()) };
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
}

/** Compares with every hash, valid or not, in constant time: the duration tells nothing about which one came close. */
function match(accepted: readonly AcceptedHash[], digest: Buffer, now: number): 'current' | 'previous' | null {
  let found: 'current' | 'previous' | null = null;
  for (const { hash, which, validUntil } of accepted) {
    if (timingSafeEqual(Buffer.from(hash, 'hex'), digest) && now < validUntil) found ??= which;
  }
  return found;
}

const unavailable = (tenantId: string, cause: unknown): SecretStoreUnavailable =>
  cause instanceof SecretStoreUnavailable ? cause : new SecretStoreUnavailable(scimTokenSecretName(tenantId), cause);
