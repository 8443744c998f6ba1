/**
 * Limits how much work runs at once. Slots that become free go to the waiting keys in turn, and no key has more than
 * `perKey` of them.
 */
export class FairSlots {
  private free: number;
  private readonly running = new Map<string, number>();
  /** Waiting work by key. The key whose turn is next comes first. */
  private readonly waiting = new Map<string, (() => void)[]>();

  constructor(
    total: number,
    private readonly perKey: number,
  ) {
    this.free = total;
  }

  /** Runs `work` as soon as the key gets a slot. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.free > 0 && this.hasRoom(key)) this.occupy(key);
    else await this.turn(key);
    try {
      return await work();
    } finally {
      this.release(key);
    }
  }

  private hasRoom(key: string): boolean {
    return (this.running.get(key) ?? 0) < this.perKey;
  }

  private turn(key: string): Promise<void> {
    return new Promise((start) => {
      const queue = this.waiting.get(key);
      if (queue) queue.push(start);
      else this.waiting.set(key, [start]);
    });
  }

  private occupy(key: string): void {
    this.free--;
    this.running.set(key, (this.running.get(key) ?? 0) + 1);
  }

  private release(key: string): void {
    this.free++;
    const left = (this.running.get(key) ?? 0) - 1;
    if (left > 0) this.running.set(key, left);
    else this.running.delete(key);
    this.startNext();
  }

  private startNext(): void {
    for (const [key, queue] of this.waiting) {
      if (!this.hasRoom(key)) continue;
      this.waiting.delete(key);
      const start = queue.shift();
      if (queue.length > 0) this.waiting.set(key, queue);
      this.occupy(key);
      start?.();
      return;
    }
  }
}
