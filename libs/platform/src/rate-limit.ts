/**
 * Limits the requests of each tenant with a token bucket in this process. Okta waits for exactly the seconds of
 * `Retry-After`.
 */
export class RateLimit {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes a token. Returns 0 if the request is allowed, and otherwise the number of whole seconds to wait. */
  take(tenantId: string): number {
    const now = this.now();
    let bucket = this.buckets.get(tenantId);
    if (!bucket) this.buckets.set(tenantId, (bucket = { tokens: this.burst, at: now }));
    bucket.tokens = Math.min(this.burst, bucket.tokens + ((now - bucket.at) / 1_000) * this.perSecond);
    bucket.at = now;
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.perSecond));
    bucket.tokens -= 1;
    return 0;
  }
}
