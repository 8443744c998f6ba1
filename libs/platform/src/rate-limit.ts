/**
 * Limits requests of each tenant, or what they cost, with a token bucket in this process. Okta waits for exactly the seconds of
 * `Retry-After`.
 */
export class RateLimit {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Takes `cost` tokens. Returns 0 if the request is allowed, and otherwise the number of whole seconds to wait. A request
   * that costs more than a full bucket is allowed when the bucket is full; later requests wait for the difference.
   */
  take(tenantId: string, cost = 1): number {
    const bucket = this.refilled(tenantId);
    const needed = Math.min(cost, this.burst);
    if (bucket.tokens < needed) return Math.max(1, Math.ceil((needed - bucket.tokens) / this.perSecond));
    bucket.tokens -= cost;
    return 0;
  }

  /** Takes tokens for work whose cost was not known before. The bucket may go below zero. */
  spend(tenantId: string, cost: number): void {
    this.refilled(tenantId).tokens -= cost;
  }

  private refilled(tenantId: string): { tokens: number; at: number } {
    const now = this.now();
    let bucket = this.buckets.get(tenantId);
    if (!bucket) this.buckets.set(tenantId, (bucket = { tokens: this.burst, at: now }));
    bucket.tokens = Math.min(this.burst, bucket.tokens + ((now - bucket.at) / 1_000) * this.perSecond);
    bucket.at = now;
    return bucket;
  }
}
