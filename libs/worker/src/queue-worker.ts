/**
 * Works off a queue of rows that are leased, several at a time: claims what is due, does it outside any transaction,
 * looks again when a place is free. Urgent work may take every place, other work only some of them. When what everybody
 * calls is known to be wrong (its configuration, not one row) it says so once and tries one row every few seconds.
 */
import type { Gauge } from 'prom-client';
import type { Database, Logger } from '#platform';
import { Loop } from './loop.js';
import { WorkerLease } from './worker-lease.js';

export type WorkKind = 'urgent' | 'other';

/** What the service that has such a queue is configured with. */
export interface QueueSettings {
  readonly database: Database;
  readonly logger: Logger;
  /** Rows worked on at the same time. */
  readonly concurrency: number;
  readonly leaseSeconds: number;
}

export interface QueueWorkerOptions<T> extends QueueSettings {
  /** Of the loop, in logs. */
  readonly name: string;
  readonly pollMs: number;
  /** See {@link WorkerLease}. */
  readonly releaseForgotten: string;
  /** Part of the places that work which is not urgent may take, 0..1; at least one place. */
  readonly shareOfOther: number;
  /** Leases up to `limit` rows to `owner`. */
  readonly claim: (kind: WorkKind, owner: string, limit: number) => Promise<readonly T[]>;
  /** Does one; records the outcome itself. What it throws leaves the row leased, until the lease's next sign of life. */
  readonly work: (item: T) => Promise<void>;
  /** 1 while paused. */
  readonly paused: Gauge;
  /** Log lines: what is wrong when paused, and that it is well again. */
  readonly words: { readonly paused: string; readonly resumed: string };
}

const PAUSE_MS = 3_000;
const STOP_PATIENCE_MS = 6_000;
/** A quarter of the places. */
const LOOK_WHEN_FREE = 4;

interface Place {
  kind: WorkKind;
  readonly done: Promise<void>;
}

export class QueueWorker<T extends { readonly id: string; readonly tenant: string }> {
  private readonly active = new Map<string, Place>();
  private readonly lease: WorkerLease;
  private readonly loop: Loop;
  /** Whether the last look left rows of a kind behind, for want of places. */
  private readonly left: Record<WorkKind, boolean> = { urgent: false, other: false };
  private pausedUntil = 0;
  private ending = false;

  constructor(private readonly options: QueueWorkerOptions<T>) {
    const { name, database, logger, pollMs, leaseSeconds, releaseForgotten } = options;
    this.lease = new WorkerLease(database, logger, leaseSeconds, () => [...this.active.keys()], releaseForgotten);
    this.loop = new Loop(name, pollMs, logger, () => this.round());
  }

  /** Owner of our leases. */
  get id(): string {
    return this.lease.id;
  }

  /** Whether others still respect our leases. */
  get fresh(): boolean {
    return this.lease.fresh;
  }

  /** Work that has several steps ends after the one that is under way. */
  get stopping(): boolean {
    return this.ending;
  }

  async start(): Promise<void> {
    await this.lease.start();
    this.loop.start();
  }

  /** What does not end in time is taken over by others, who read back what was done. */
  async stop(): Promise<void> {
    this.ending = true;
    await this.loop.stop();
    const patience = new Promise<void>((resolve) => setTimeout(resolve, STOP_PATIENCE_MS).unref());
    await Promise.race([Promise.all([...this.active.values()].map((place) => place.done)), patience]);
    await this.lease.stop();
  }

  poke(): void {
    this.loop.poke();
  }

  /** What was urgent about this row is done: it goes on in a place for other work. False = there is none free. */
  goOnAsOther(id: string): boolean {
    const place = this.active.get(id);
    if (place?.kind !== 'urgent') return true;
    if (this.freeForOther() <= 0) return false;
    place.kind = 'other';
    return true;
  }

  /** One loud line, not one per row. */
  pause(code: string, reason: string): void {
    const { logger, paused, words } = this.options;
    if (this.pausedUntil === 0) logger.error({ code, reason }, words.paused);
    this.pausedUntil = performance.now() + PAUSE_MS;
    paused.set(1);
  }

  /** It worked for somebody, so it works for everybody. */
  resume(): void {
    if (this.pausedUntil === 0) return;
    this.pausedUntil = 0;
    this.options.paused.set(0);
    this.options.logger.info(this.options.words.resumed);
  }

  private async round(): Promise<boolean> {
    if (performance.now() < this.pausedUntil || !this.lease.fresh) return false;
    // While paused one row at a time is enough to notice that all is well again.
    const places = this.pausedUntil > 0 ? 1 : this.options.concurrency;
    this.left.urgent = await this.claim('urgent', places - this.active.size);
    this.left.other = await this.claim('other', Math.min(this.freeForOther(), places - this.active.size));
    return false;
  }

  private get placesForOther(): number {
    return Math.max(1, Math.floor(this.options.concurrency * this.options.shareOfOther));
  }

  private freeForOther(): number {
    const taken = [...this.active.values()].filter((place) => place.kind === 'other').length;
    return this.placesForOther - taken;
  }

  /** A place is free: what is urgent looks at once, the rest when it is worth a look; the loop looks now and then anyway. */
  private placeIsFree(): void {
    const worthIt = this.freeForOther() * LOOK_WHEN_FREE >= this.placesForOther;
    if (this.left.urgent || (this.left.other && worthIt)) this.loop.poke();
  }

  /** Answers whether there may be more than there were places. */
  private async claim(kind: WorkKind, limit: number): Promise<boolean> {
    if (limit <= 0) return true;
    return this.lease.claiming(async () => {
      const items = await this.options.claim(kind, this.lease.id, limit);
      for (const item of items) this.active.set(item.id, { kind, done: this.run(item) });
      return items.length === limit;
    });
  }

  private async run(item: T): Promise<void> {
    try {
      await this.options.work(item);
    } catch (error) {
      this.options.logger.error(
        { err: error, tenant: item.tenant, id: item.id, code: `${this.options.name}_not_recorded` },
        'could not record what was done; the lease lets go of it',
      );
    } finally {
      this.active.delete(item.id);
      this.placeIsFree();
    }
  }
}
