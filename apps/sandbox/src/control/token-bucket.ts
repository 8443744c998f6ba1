/**
 * A token bucket. Each request takes one token. The bucket refills with `rate` tokens per second and holds at most
 * `rate` tokens, but at least one.
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

  isFull(now: number): boolean {
    this.refill(now);
    return this.tokens >= Math.max(1, this.rate);
  }

  private refill(now: number): void {
    this.tokens = Math.min(Math.max(1, this.rate), this.tokens + ((now - this.filledAt) / 1000) * this.rate);
    this.filledAt = now;
  }
}
