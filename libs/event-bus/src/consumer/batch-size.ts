/**
 * Chooses the number of events in a transaction, so that the transaction takes about a second. A slow handler then does
 * not hold its partition for long, and few events are repeated after a crash.
 */
const TARGET_MS = 1_000;

export class BatchSize {
  private size: number;

  constructor(private readonly limit: number) {
    this.size = limit;
  }

  get current(): number {
    return this.size;
  }

  /**
   * Number of events in a transaction that several partitions share. With slow handlers it drops to one, so that
   * partitions are consumed in separate, parallel transactions.
   */
  get shared(): number {
    return Math.max(1, Math.floor(this.size / 2));
  }

  took(count: number, ms: number): void {
    if (count === 0) return;
    const fitting = Math.floor((count * TARGET_MS) / Math.max(ms, 1));
    this.size = Math.max(1, Math.min(this.limit, fitting, this.size * 2));
  }

  failed(): void {
    this.size = Math.max(1, this.size >> 1);
  }
}
