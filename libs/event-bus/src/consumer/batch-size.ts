/**
 * Chooses how many events one transaction handles: as many as take about a second. Slow handlers therefore hold a
 * partition and a transaction no longer than quick handlers, and a crash repeats few events.
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
   * Number of events in a transaction that several partitions share. It is half of the normal size, because the
   * partitions wait for each other. If handlers are slow, the number drops to one, so that partitions are consumed in
   * separate, parallel transactions.
   */
  get shared(): number {
    return Math.max(1, Math.floor(this.size / 2));
  }

  /** Records that `count` events took `ms` milliseconds. */
  took(count: number, ms: number): void {
    if (count === 0) return;
    const fitting = Math.floor((count * TARGET_MS) / Math.max(ms, 1));
    this.size = Math.max(1, Math.min(this.limit, fitting, this.size * 2));
  }

  failed(): void {
    this.size = Math.max(1, this.size >> 1);
  }
}
