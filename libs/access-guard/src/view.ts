/**
 * The current access of every account, in memory. This hash table (open addressing over typed arrays) needs about 45
 * bytes per account; a Map of objects needs about 350. No account is ever deleted: a late delivery of an older record
 * could restore the access of a removed account (P3).
 */
import { parseAccountId, type AccountKey } from './account-id.js';
import { Profiles, type AccountStatus, type Profile } from './profiles.js';

export interface AccessRecord {
  readonly tenantId: string;
  readonly accountId: string;
  readonly status: AccountStatus;
  readonly roles: readonly string[];
  /** The fence, in milliseconds since the epoch. Tokens issued up to and including this second are refused. */
  readonly notBefore: number | null;
  /** Sequence number of the event. */
  readonly version: number;
}

export interface AccessEntry extends Profile {
  readonly notBefore: number | null;
  readonly version: number;
}

/** `foreign`: the record names another tenant than the stored account, which is never allowed (P4). */
export type Applied = 'applied' | 'older' | 'foreign' | 'no_account_id';

const CHUNK_BITS = 14;
const CHUNK = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK - 1;
const MAX_LOAD = 0.7;

interface Chunk {
  readonly ids: Uint32Array;
  readonly notBefore: Float64Array;
  readonly version: Float64Array;
  readonly profile: Uint32Array;
}

const newChunk = (): Chunk => ({
  ids: new Uint32Array(CHUNK * 4),
  notBefore: new Float64Array(CHUNK),
  version: new Float64Array(CHUNK),
  profile: new Uint32Array(CHUNK),
});

export class AccessView {
  private readonly chunks: Chunk[] = [];
  private readonly profiles = new Profiles();
  /** Row number + 1, or 0 for a free element. The length is a power of two. */
  private index = new Uint32Array(1024);
  private rows = 0;

  get size(): number {
    return this.rows;
  }

  /** Number of distinct combinations of tenant, status and roles. */
  get profileCount(): number {
    return this.profiles.size;
  }

  get bytes(): number {
    return this.index.byteLength + this.chunks.length * CHUNK * (16 + 8 + 8 + 4);
  }

  get(accountId: string): AccessEntry | undefined {
    const key = parseAccountId(accountId);
    return key && this.find(key);
  }

  find(key: AccountKey): AccessEntry | undefined {
    const row = this.rowOf(key);
    if (row < 0) return undefined;
    const at = row & CHUNK_MASK;
    const { notBefore, version, profile } = this.chunkOf(row);
    const { tenantId, status, roles } = this.profiles.get(profile[at] ?? 0);
    const fence = notBefore[at] ?? 0;
    return { tenantId, status, roles, notBefore: Number.isNaN(fence) ? null : fence, version: version[at] ?? 0 };
  }

  /**
   * Stores the record, unless the stored record of the account has the same or a higher sequence number. Records may
   * come in any order.
   */
  apply(record: AccessRecord): Applied {
    const key = parseAccountId(record.accountId);
    if (!key) return 'no_account_id';
    const known = this.find(key);
    if (known && known.tenantId !== record.tenantId) return 'foreign';
    if (known && known.version >= record.version) return 'older';
    this.put(key, record);
    return 'applied';
  }

  /**
   * Removes all access of an account whose record was deleted or cannot be read. Keeps the version and the fence, so
   * that only a newer record restores access.
   */
  block(tenantId: string, accountId: string, status: 'removed' | 'unreadable'): Applied {
    const key = parseAccountId(accountId);
    if (!key) return 'no_account_id';
    const known = this.find(key);
    if (known && known.tenantId !== tenantId) return 'foreign';
    this.put(key, {
      tenantId,
      accountId,
      status,
      roles: [],
      notBefore: known?.notBefore ?? null,
      version: known?.version ?? 0,
    });
    return 'applied';
  }

  private put(key: AccountKey, record: AccessRecord): void {
    let row = this.rowOf(key);
    const added = row < 0;
    if (added) row = this.addRow(key);
    const chunk = this.chunkOf(row);
    const at = row & CHUNK_MASK;
    const before = chunk.profile[at] ?? 0;
    chunk.profile[at] = this.profiles.acquire(record.tenantId, record.status, record.roles);
    if (!added) this.profiles.release(before);
    chunk.notBefore[at] = record.notBefore ?? NaN;
    chunk.version[at] = record.version;
  }

  private rowOf(key: AccountKey): number {
    const mask = this.index.length - 1;
    for (let slot = hash(key) & mask; ; slot = (slot + 1) & mask) {
      const row = (this.index[slot] ?? 0) - 1;
      if (row < 0) return -1;
      const { ids } = this.chunkOf(row);
      const at = (row & CHUNK_MASK) << 2;
      if (ids[at] === key.a && ids[at + 1] === key.b && ids[at + 2] === key.c && ids[at + 3] === key.d) return row;
    }
  }

  private addRow(key: AccountKey): number {
    const row = this.rows++;
    if (row >> CHUNK_BITS === this.chunks.length) this.chunks.push(newChunk());
    this.chunkOf(row).ids.set([key.a, key.b, key.c, key.d], (row & CHUNK_MASK) << 2);
    if (this.rows > this.index.length * MAX_LOAD) this.growIndex();
    else insert(this.index, hash(key), row);
    return row;
  }

  private growIndex(): void {
    const index = new Uint32Array(this.index.length * 2);
    for (let row = 0; row < this.rows; row++) {
      const { ids } = this.chunkOf(row);
      const at = (row & CHUNK_MASK) << 2;
      insert(index, hash({ a: ids[at] ?? 0, b: ids[at + 1] ?? 0, c: ids[at + 2] ?? 0, d: ids[at + 3] ?? 0 }), row);
    }
    this.index = index;
  }

  private chunkOf(row: number): Chunk {
    const chunk = this.chunks[row >> CHUNK_BITS];
    if (!chunk) throw new RangeError(`row ${row} does not exist`);
    return chunk;
  }
}

/** Mixes every bit of the id, because ids need not be random: UUIDv7 ids share their first bits. */
function hash({ a, b, c, d }: AccountKey): number {
  let h = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ c, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13) ^ d, 0x27d4eb2f);
  return (h ^ (h >>> 16)) >>> 0;
}

function insert(index: Uint32Array, hashed: number, row: number): void {
  const mask = index.length - 1;
  let slot = hashed & mask;
  while (index[slot] !== 0) slot = (slot + 1) & mask;
  index[slot] = row + 1;
}
