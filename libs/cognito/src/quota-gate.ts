/**
 * Makes every Cognito call wait for a token of its quota category. Each category has one FIFO queue per urgency, and
 * the most urgent queue is served first. Less urgent calls leave a reserve in the bucket, so that an offboarding finds
 * tokens even during an import of thousands of accounts.
 */
import type { Metrics, Queryable } from '#platform';
import { CognitoError } from './errors.js';
import { drainBucket, takeTokens } from './quota.sql.js';
import { bucketShape, URGENCIES, type BucketShape, type QuotaCategory, type Quotas, type Urgency } from './quotas.js';

export interface QuotaGateOptions {
  readonly database: Queryable;
  readonly quotas: Quotas;
  /** Fraction of the account's quota that our services may use, from 0 to 1. */
  readonly share: number;
  readonly metrics: Metrics;
  /** Longest time that a call may wait. The default is 10 seconds. */
  readonly maxWaitMs?: number;
}

interface Waiter {
  readonly since: number;
  admit(): void;
  refuse(error: unknown): void;
}

/** Tokens per query. With more tokens per query, one replica could starve another. */
const BATCH = 5;
const DRAIN_SECONDS = 1;

export class QuotaGate {
  private readonly queues = new Map<QuotaCategory, CategoryQueue>();
  private readonly waited;

  constructor(private readonly options: QuotaGateOptions) {
    this.waited = options.metrics.histogram(
      'cognito_quota_wait_seconds',
      'Time that a Cognito call waited for a token of its quota category.',
      ['category', 'urgency'],
    );
  }

  /** Resolves when one call may be made. Rejects as `throttled` after `maxWaitMs`. */
  async take(category: QuotaCategory, urgency: Urgency): Promise<void> {
    const since = performance.now();
    await this.queue(category).enter(urgency, since);
    this.waited.observe({ category, urgency }, (performance.now() - since) / 1000);
  }

  /**
   * Pauses the category. Cognito may throttle calls that the bucket allowed, because other programs use the same quota.
   */
  async drain(category: QuotaCategory): Promise<void> {
    await this.options.database.query(drainBucket, [category, this.queue(category).shape.rate, DRAIN_SECONDS]);
  }

  private queue(category: QuotaCategory): CategoryQueue {
    let queue = this.queues.get(category);
    if (!queue) {
      const { database, quotas, share, maxWaitMs } = this.options;
      queue = new CategoryQueue(category, bucketShape(quotas[category], share), database, maxWaitMs ?? 10_000);
      this.queues.set(category, queue);
    }
    return queue;
  }
}

class CategoryQueue {
  private readonly waiting: Record<Urgency, Waiter[]> = { offboarding: [], urgent: [], bulk: [] };
  private serving = false;
  /** Not null while the loop sleeps before it serves calls of this urgency. */
  private sleeping: { readonly urgency: Urgency; wake(): void } | null = null;

  constructor(
    private readonly category: QuotaCategory,
    readonly shape: BucketShape,
    private readonly database: Queryable,
    private readonly maxWaitMs: number,
  ) {}

  enter(urgency: Urgency, since: number): Promise<void> {
    return new Promise((admit, refuse) => {
      this.waiting[urgency].push({ since, admit, refuse });
      // A more urgent call may use tokens that less urgent calls must leave in the bucket.
      if (this.sleeping && isBefore(urgency, this.sleeping.urgency)) this.sleeping.wake();
      if (!this.serving) void this.serveAll();
    });
  }

  private async serveAll(): Promise<void> {
    this.serving = true;
    try {
      for (let urgency = this.next(); urgency; urgency = this.next()) {
        const pauseMs = await this.serve(urgency);
        if (pauseMs > 0) await this.sleep(urgency, pauseMs);
        this.refuseExpired();
      }
    } catch (error) {
      for (const waiter of URGENCIES.flatMap((u) => this.waiting[u].splice(0))) waiter.refuse(error);
    } finally {
      this.serving = false;
    }
  }

  private next(): Urgency | undefined {
    return URGENCIES.find((u) => this.waiting[u].length > 0);
  }

  /** Admits as many calls as there are tokens. Returns the milliseconds to sleep before the next attempt. */
  private async serve(urgency: Urgency): Promise<number> {
    const waiting = this.waiting[urgency];
    const { rate, capacity, perSecond, reserve } = this.shape;
    const want = Math.min(waiting.length, BATCH);
    const values = [this.category, want, rate, capacity, perSecond, reserve[urgency]];
    const [row] = await this.database.query<{ granted: number; wait_ms: number }>(takeTokens, values);
    const granted = row?.granted ?? 0;
    for (const waiter of waiting.splice(0, granted)) waiter.admit();
    if (granted > 0) return 0;
    return Math.max(row?.wait_ms ?? 0, urgency === 'bulk' ? this.bulkPauseMs(want) : 0);
  }

  /**
   * Waiting for several tokens saves queries. The pause ends before the bucket is full, because a full bucket gains no
   * tokens.
   */
  private bulkPauseMs(want: number): number {
    const { rate, capacity, reserve } = this.shape;
    return (1_000 * Math.min(want, (capacity - reserve.bulk) / 2)) / rate;
  }

  private async sleep(urgency: Urgency, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(ms, 1), this.maxWaitMs));
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.sleeping = { urgency, wake };
    });
    this.sleeping = null;
  }

  private refuseExpired(): void {
    const deadline = performance.now() - this.maxWaitMs;
    for (const waiting of Object.values(this.waiting))
      while (waiting[0] && waiting[0].since <= deadline)
        waiting
          .shift()
          ?.refuse(new CognitoError('throttled', this.category, 'QuotaWait', `no token within ${this.maxWaitMs} ms`));
  }
}

const isBefore = (a: Urgency, b: Urgency): boolean => URGENCIES.indexOf(a) < URGENCIES.indexOf(b);
