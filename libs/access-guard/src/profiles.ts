/**
 * Stores each combination of tenant, status and roles once, because a million accounts share a few hundred
 * combinations. Uses are counted, and an unused combination is freed.
 */
import type { Access } from '#events';

/** `unreadable`: the account's newest record could not be parsed, so the account has no access. */
export type AccountStatus = Access['status'] | 'unreadable';

export interface Profile {
  readonly tenantId: string;
  readonly status: AccountStatus;
  readonly roles: readonly string[];
}

export class Profiles {
  private readonly numbers = new Map<string, number>();
  private readonly entries: ({ readonly profile: Profile; readonly id: string; uses: number } | undefined)[] = [];
  private readonly free: number[] = [];

  get size(): number {
    return this.numbers.size;
  }

  get(number: number): Profile {
    const entry = this.entries[number];
    if (!entry) throw new Error(`profile ${number} is not in use`);
    return entry.profile;
  }

  /** Counts one more use of the combination. Returns the number that identifies the combination. */
  acquire(tenantId: string, status: AccountStatus, roles: readonly string[]): number {
    const id = JSON.stringify([tenantId, status, roles]);
    const known = this.numbers.get(id);
    if (known !== undefined) {
      const entry = this.entries[known];
      if (entry) entry.uses++;
      return known;
    }
    const number = this.free.pop() ?? this.entries.length;
    this.entries[number] = {
      profile: Object.freeze({ tenantId, status, roles: Object.freeze([...roles]) }),
      id,
      uses: 1,
    };
    this.numbers.set(id, number);
    return number;
  }

  release(number: number): void {
    const entry = this.entries[number];
    if (!entry || --entry.uses > 0) return;
    this.entries[number] = undefined;
    this.numbers.delete(entry.id);
    this.free.push(number);
  }
}
