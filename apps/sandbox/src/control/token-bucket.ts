/**
 * A token bucket: `rate` requests per second, with at most one second's worth saved. Cognito's quotas behave like this.
 */
export class TokenBucket {
  private tokens: number;
  private filledAt: number;

  constructor(
    readonly rate: number,
    now: number,
  ) {
    this.tokens = Math.max(1, rate);
    this.filledAt = now;
  }

  take(now: number): boolean {
    this.refill(now);
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** True if removing this bucket changes nothing. */
  isFull(now: number): boolean {
    this.refill(now);
    return this.tokens >= Math.max(1, this.rate);
  }

  private refill(now: number): void {
    this.tokens = Math.min(Math.max(1, this.rate), this.tokens + ((now - this.filledAt) / 1000) * this.rate);
    this.filledAt = now;
  }
}
