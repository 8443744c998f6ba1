/**
 * Works on a queue of leased rows, several at a time. It claims due rows, works on them outside any transaction, and
 * claims more when a slot is free. While the configuration is wrong, it tries one row every few seconds.
 */
import type { Gauge } from 'prom-client';
import type { Database, Logger } from '#platform';
import { Loop } from './loop.js';
import { WorkerLease } from './worker-lease.js';

export type WorkKind = 'urgent' | 'other';

export interface QueueSettings {
  readonly database: Database;
  readonly logger: Logger;
  /** Number of slots, i.e. of rows that are worked on at the same time. */
  readonly concurrency: number;
  readonly leaseSeconds: number;
}

export interface QueueWorkerOptions<T> extends QueueSettings {
  readonly name: string;
  readonly pollMs: number;
  /** See {@link WorkerLease}. */
  readonly releaseForgotten: string;
  /** Fraction of the slots, from 0 to 1, that rows of the kind `other` may use. They always have at least one slot. */
  readonly shareOfOther: number;
  /** Leases up to `limit` rows to `owner`. */
  readonly claim: (kind: WorkKind, owner: string, limit: number) => Promise<readonly T[]>;
  /** Works on one row and records the outcome. After an error the row stays leased until the next heartbeat. */
  readonly work: (item: T) => Promise<void>;
  readonly paused: Gauge;
  readonly messages: { readonly paused: string; readonly resumed: string };
}

const PAUSE_MS = 3_000;
const STOP_LIMIT_MS = 6_000;
/** A free slot wakes the loop for waiting `other` rows only if this fraction of their slots is free. */
const FREE_SHARE = 1 / 4;

interface Slot {
  kind: WorkKind;
  readonly done: Promise<void>;
}

export class QueueWorker<T extends { readonly id: string; readonly tenant: string }> {
  private readonly slots = new Map<string, Slot>();
  private readonly lease: WorkerLease;
  private readonly loop: Loop;
  /** Whether more rows of a kind may be due, because the last claim used all free slots. */
  private readonly left: Record<WorkKind, boolean> = { urgent: false, other: false };
  private pausedUntil = 0;
  private ending = false;

  constructor(private readonly options: QueueWorkerOptions<T>) {
    const { name, database, logger, pollMs, leaseSeconds, releaseForgotten } = options;
    this.lease = new WorkerLease(database, logger, leaseSeconds, () => [...this.slots.keys()], releaseForgotten);
    this.loop = new Loop(name, pollMs, logger, () => this.round());
  }

  /** The owner of the leases of this process. */
  get id(): string {
    return this.lease.id;
  }

  /** Whether other processes still respect the leases of this process. */
  get fresh(): boolean {
    return this.lease.fresh;
  }

  /** Whether the worker is stopping. Work with several steps must then end after the current step. */
  get stopping(): boolean {
    return this.ending;
  }

  async start(): Promise<void> {
    await this.lease.start();
    this.loop.start();
  }

  /** Stops the worker. If work on a row does not end in time, another process takes over the row. */
  async stop(): Promise<void> {
    this.ending = true;
    await this.loop.stop();
    const limit = new Promise<void>((resolve) => setTimeout(resolve, STOP_LIMIT_MS).unref());
    await Promise.race([Promise.all([...this.slots.values()].map((slot) => slot.done)), limit]);
    await this.lease.stop();
  }

  /** Claims rows now. */
  wake(): void {
    this.loop.wake();
  }

  /** Moves a row whose urgent part is done to a slot for other work. Returns false if no such slot is free. */
  continueAsOther(id: string): boolean {
    const slot = this.slots.get(id);
    if (slot?.kind !== 'urgent') return true;
    if (this.freeForOther() <= 0) return false;
    slot.kind = 'other';
    return true;
  }

  /** Pauses the work. Only the first of several calls logs a line. */
  pause(code: string, reason: string): void {
    const { logger, paused, messages } = this.options;
    if (this.pausedUntil === 0) logger.error({ code, reason }, messages.paused);
    this.pausedUntil = performance.now() + PAUSE_MS;
    paused.set(1);
  }

  /** Ends the pause. Call it when a row has succeeded, because the configuration is then right. */
  resume(): void {
    if (this.pausedUntil === 0) return;
    this.pausedUntil = 0;
    this.options.paused.set(0);
    this.options.logger.info(this.options.messages.resumed);
  }

  private async round(): Promise<boolean> {
    if (performance.now() < this.pausedUntil || !this.lease.fresh) return false;
    // After a pause, one row at a time is enough to notice that the configuration is right again.
    const slots = this.pausedUntil > 0 ? 1 : this.options.concurrency;
    this.left.urgent = await this.claim('urgent', slots - this.slots.size);
    this.left.other = await this.claim('other', Math.min(this.freeForOther(), slots - this.slots.size));
    return false;
  }

  private get slotsForOther(): number {
    return Math.max(1, Math.floor(this.options.concurrency * this.options.shareOfOther));
  }

  private freeForOther(): number {
    return this.slotsForOther - [...this.slots.values()].filter((slot) => slot.kind === 'other').length;
  }

  /** Claims waiting urgent rows at once. For other rows it waits until enough slots are free to be worth a query. */
  private slotIsFree(): void {
    const worthClaiming = this.freeForOther() >= this.slotsForOther * FREE_SHARE;
    if (this.left.urgent || (this.left.other && worthClaiming)) this.wake();
  }

  /** Claims rows. Resolves with true if more rows may be due, because all free slots are used. */
  private async claim(kind: WorkKind, limit: number): Promise<boolean> {
    if (limit <= 0) return true;
    return this.lease.claiming(async () => {
      const items = await this.options.claim(kind, this.lease.id, limit);
      for (const item of items) this.slots.set(item.id, { kind, done: this.run(item) });
      return items.length === limit;
    });
  }

  private async run(item: T): Promise<void> {
    try {
      await this.options.work(item);
    } catch (error) {
      this.options.logger.error(
        { err: error, tenant: item.tenant, id: item.id, code: `${this.options.name}_not_recorded` },
        'cannot record the outcome of a row; its lease is released, and the row is tried again',
      );
    } finally {
      this.slots.delete(item.id);
      this.slotIsFree();
    }
  }
}
