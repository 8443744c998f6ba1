/**
 * Tokens that were verified before. Keyed by the whole token, signature included, so that nothing but the very same
 * text finds an entry. Two generations instead of a linked list: when the young one is full it becomes the old one,
 * and what is used again moves back. Never more than `limit` entries; refused tokens are not kept.
 */
export class TokenCache<T> {
  private young = new Map<string, T>();
  private old = new Map<string, T>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(token: string): T | undefined {
    const hit = this.young.get(token);
    if (hit !== undefined) return hit;
    const aged = this.old.get(token);
    if (aged === undefined) return undefined;
    this.old.delete(token);
    this.set(token, aged);
    return aged;
  }

  set(token: string, value: T): void {
    if (this.limit < 2) return;
    if (this.young.size >= Math.floor(this.limit / 2)) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(token, value);
  }

  delete(token: string): void {
    this.young.delete(token);
    this.old.delete(token);
  }
}
