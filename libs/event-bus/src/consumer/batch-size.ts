/**
 * How many events go into one transaction: as many as take about a second. Slow handlers thus hold a partition and a
 * transaction no longer than quick ones, and a crash repeats little.
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
   * How many events of several partitions share a transaction: half, because they wait for each other. With slow
   * handlers this becomes one event, and the partitions are consumed in parallel transactions.
   */
  get shared(): number {
    return Math.max(1, Math.floor(this.size / 2));
  }

  /** `count` events took `ms`. */
  took(count: number, ms: number): void {
    if (count === 0) return;
    const fitting = Math.floor((count * TARGET_MS) / Math.max(ms, 1));
    this.size = Math.max(1, Math.min(this.limit, fitting, this.size * 2));
  }

  failed(): void {
    this.size = Math.max(1, this.size >> 1);
  }
}
