/**
 * The number of requests that an org may send to an endpoint in a time window. A window ends at a whole second of the
 * epoch, which `X-Rate-Limit-Reset` names.
 */
export interface RateLimit {
  readonly limit: number;
  readonly windowSeconds: number;
}

/** Okta's limit for `/api/v1/users` in a small org. */
const DEFAULT: RateLimit = { limit: 600, windowSeconds: 60 };

export interface Taken {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** End of the window in seconds since the epoch. */
  readonly reset: number;
}

export class RateLimits {
  private readonly limits = new Map<string, RateLimit>();
  private readonly windows = new Map<string, Map<string, { used: number; reset: number }>>();

  of(tenant: string): RateLimit {
    return this.limits.get(tenant) ?? DEFAULT;
  }

  /** Changes the limit and starts new windows. Without `change`, the default limit applies again. */
  set(tenant: string, change?: Partial<RateLimit>): RateLimit {
    if (change) this.limits.set(tenant, { ...this.of(tenant), ...change });
    else this.limits.delete(tenant);
    this.windows.delete(tenant);
    return this.of(tenant);
  }

  take(tenant: string, endpoint: string, nowMs: number): Taken {
    const { limit, windowSeconds } = this.of(tenant);
    const windows = this.windows.get(tenant) ?? new Map<string, { used: number; reset: number }>();
    this.windows.set(tenant, windows);
    let window = windows.get(endpoint);
    if (!window || nowMs >= window.reset * 1000) {
      window = { used: 0, reset: Math.ceil(nowMs / 1000) + windowSeconds };
      windows.set(endpoint, window);
    }
    window.used += 1;
    const remaining = Math.max(0, limit - window.used);
    return { allowed: window.used <= limit, limit, remaining, reset: window.reset };
  }
}
