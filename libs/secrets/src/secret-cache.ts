/**
 * Caches the tenants' secrets. If the store does not answer, the cache never reports a secret as missing.
 * - A value is fresh for at most `ttlMs`. A random part is subtracted, so that replicas do not read at the same moment.
 * - Each tenant has one read at a time. {@link KnownSecret.renew} reads at most once per `renewIntervalMs`.
 * - While the store is down, a value stays usable until it is `staleMs` old.
 * - The cache contains at most `maxTenants` entries. The least recently used entries are dropped first.
 */
export interface SecretCacheOptions<T> {
  /** Reads the secret from the store. Null means that the store has no such secret. */
  readonly read: (tenantId: string) => Promise<T | null>;
  readonly ttlMs: number;
  readonly staleMs?: number | undefined;
  readonly renewIntervalMs?: number | undefined;
  readonly maxTenants?: number | undefined;
  /** Called when a read failed, for example to log and count the failure. */
  readonly onStoreError?: ((tenantId: string, error: unknown) => void) | undefined;
  /** The clock, in milliseconds since 1970. Only tests set it. */
  readonly now?: (() => number) | undefined;
}

const STALE_MS = 3_600_000;
const RENEW_INTERVAL_MS = 2_000;
const MAX_TENANTS = 10_000;

export class SecretCache<T> {
  private readonly tenants = new Map<string, KnownSecret<T>>();

  constructor(private readonly options: SecretCacheOptions<T>) {}

  /** Returns the entry of a tenant. Call it only for tenants that exist, so that invented ids use no memory. */
  of(tenantId: string): KnownSecret<T> {
    const known = this.tenants.get(tenantId) ?? new KnownSecret(tenantId, this.options);
    this.tenants.delete(tenantId);
    this.tenants.set(tenantId, known);
    const [oldest] = this.tenants.keys();
    if (this.tenants.size > (this.options.maxTenants ?? MAX_TENANTS) && oldest !== undefined)
      this.tenants.delete(oldest);
    return known;
  }

  /** Drops the entry, because the secret or the settings changed. The result of a read in progress is dropped too. */
  invalidate(tenantId: string): void {
    this.tenants.delete(tenantId);
  }

  /** Returns false if the entry was invalidated and may be outdated. */
  isCurrent(known: KnownSecret<T>): boolean {
    return this.tenants.get(known.tenantId) === known;
  }
}

/** The entry of one tenant. An invalidation replaces the entry, so the results of older reads are dropped. */
export class KnownSecret<T> {
  private entry: { readonly value: T | null; readonly readAt: number; readonly freshUntil: number } | null = null;
  private reading: Promise<void> | null = null;
  private readStartedAt = -Infinity;
  private lastFailure: unknown;
  private readonly now: () => number;

  constructor(
    readonly tenantId: string,
    private readonly options: SecretCacheOptions<T>,
  ) {
    this.now = options.now ?? Date.now;
  }

  /**
   * Null means that there is no secret. Undefined means that none was read, or that the last one is older than
   * `staleMs`.
   */
  get value(): T | null | undefined {
    const { entry } = this;
    return entry && this.now() - entry.readAt < (this.options.staleMs ?? STALE_MS) ? entry.value : undefined;
  }

  get fresh(): boolean {
    return this.entry !== null && this.now() < this.entry.freshUntil;
  }

  /** The error of the last read; undefined means that the last read succeeded. */
  get failure(): unknown {
    return this.lastFailure;
  }

  /** Reads the store at most once per `renewIntervalMs`. Never rejects; after an error, {@link failure} is set. */
  async renew(): Promise<void> {
    const pause = this.options.renewIntervalMs ?? RENEW_INTERVAL_MS;
    if (!this.reading && this.now() - this.readStartedAt < pause) return;
    this.reading ??= this.read().finally(() => (this.reading = null));
    await this.reading;
  }

  private async read(): Promise<void> {
    const { read, ttlMs, onStoreError } = this.options;
    const readAt = this.now();
    this.readStartedAt = readAt;
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
