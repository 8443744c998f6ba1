/**
 * Caches at most `limit` verified tokens. When `young` is full, it becomes `old`, and the previous `old` is discarded.
 * A used entry moves to `young`. The map's key is the last part of the signature, because hashing a whole token would
 * double the cost of a cache hit.
 */
interface Entry<T> {
  readonly token: string;
  readonly value: T;
}

const TAIL = 32;

export class TokenCache<T> {
  private young = new Map<string, Entry<T>>();
  private old = new Map<string, Entry<T>>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(token: string): T | undefined {
    const tail = token.slice(-TAIL);
    const recent = this.young.get(tail);
    if (recent?.token === token) return recent.value;
    const aged = this.old.get(tail);
    if (aged?.token !== token) return undefined;
    this.old.delete(tail);
    this.put(tail, aged);
    return aged.value;
  }

  set(token: string, value: T): void {
    const tail = token.slice(-TAIL);
    this.old.delete(tail);
    this.put(tail, { token, value });
  }

  delete(token: string): void {
    const tail = token.slice(-TAIL);
    this.young.delete(tail);
    this.old.delete(tail);
  }

  private put(tail: string, entry: Entry<T>): void {
    if (this.limit < 2) return;
    if (this.young.size >= Math.floor(this.limit / 2) && !this.young.has(tail)) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(tail, entry);
  }
}
