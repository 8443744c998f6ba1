/**
 * The tenants' secrets in memory: asks the store seldom and never takes "cannot know" for "no".
 * - An answer is fresh for `ttlMs` (jittered downwards, so that a fleet does not ask in step).
 * - One question per tenant at a time; {@link KnownSecret.renew} asks at most every `renewIntervalMs`.
 * - While the store is down, what was known up to `staleMs` ago is still usable.
 * - At most `maxTenants` are kept; the ones that were asked for longest ago go first.
 */
export interface SecretCacheOptions<T> {
  /** Null = the store says that there is none. */
  readonly read: (tenantId: string) => Promise<T | null>;
  readonly ttlMs: number;
  readonly staleMs?: number | undefined;
  readonly renewIntervalMs?: number | undefined;
  readonly maxTenants?: number | undefined;
  /** Told when the store could not be asked, e.g. to log and count it. */
  readonly onStoreError?: ((tenantId: string, error: unknown) => void) | undefined;
  /** Milliseconds since 1970; for tests. */
  readonly now?: (() => number) | undefined;
}

const STALE_MS = 3_600_000;
const RENEW_INTERVAL_MS = 2_000;
const MAX_TENANTS = 10_000;

export class SecretCache<T> {
  private readonly tenants = new Map<string, KnownSecret<T>>();

  constructor(private readonly options: SecretCacheOptions<T>) {}

  /** What is known of a tenant, now the youngest of the cache. Ask only about tenants that exist. */
  of(tenantId: string): KnownSecret<T> {
    const known = this.tenants.get(tenantId) ?? new KnownSecret(tenantId, this.options);
    this.tenants.delete(tenantId);
    this.tenants.set(tenantId, known);
    const [oldest] = this.tenants.keys();
    if (this.tenants.size > (this.options.maxTenants ?? MAX_TENANTS) && oldest !== undefined)
      this.tenants.delete(oldest);
    return known;
  }

  /** Forgets what is known of a tenant: its secret or its settings changed. An answer under way is not kept either. */
  invalidate(tenantId: string): void {
    this.tenants.delete(tenantId);
  }

  /** Whether this is still what the cache holds; if not, it may be older than what it was invalidated for. */
  isCurrent(known: KnownSecret<T>): boolean {
    return this.tenants.get(known.tenantId) === known;
  }
}

/** A new object per invalidation: late answers to older questions are dropped with it. */
export class KnownSecret<T> {
  private entry: { readonly value: T | null; readonly readAt: number; readonly freshUntil: number } | null = null;
  private asking: Promise<void> | null = null;
  private askedAt = -Infinity;
  private lastFailure: unknown;
  private readonly now: () => number;

  constructor(
    readonly tenantId: string,
    private readonly options: SecretCacheOptions<T>,
  ) {
    this.now = options.now ?? Date.now;
  }

  /** Undefined = not known, or for too long. */
  get value(): T | null | undefined {
    const { entry } = this;
    return entry && this.now() - entry.readAt < (this.options.staleMs ?? STALE_MS) ? entry.value : undefined;
  }

  get fresh(): boolean {
    return this.entry !== null && this.now() < this.entry.freshUntil;
  }

  /** Why the last question got no answer; undefined = it got one. */
  get failure(): unknown {
    return this.lastFailure;
  }

  /** Asks the store, unless that was done a moment ago. Never rejects; then {@link failure} says why. */
  async renew(): Promise<void> {
    if (!this.asking && this.now() - this.askedAt < (this.options.renewIntervalMs ?? RENEW_INTERVAL_MS)) return;
    this.asking ??= this.ask().finally(() => (this.asking = null));
    await this.asking;
  }

  private async ask(): Promise<void> {
    const { read, ttlMs, onStoreError } = this.options;
    const readAt = this.now();
    this.askedAt = readAt;
    try {
      const value = await read(this.tenantId);
      this.entry = { value, readAt, freshUntil: readAt + ttlMs * (0.8 + 0.2 * Math.random()) };
      this.lastFailure = undefined;
    } catch (error) {
      this.lastFailure = error;
      onStoreError?.(this.tenantId, error);
    }
  }
}
