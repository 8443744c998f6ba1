/**
 * Where every Cognito call waits for its token. Per category one FIFO line for each urgency; one pump fetches tokens for
 * several waiters in one round trip. Offboarding goes before everything else, and all others leave a reserve in the
 * bucket, so that an offboarding finds tokens while an import of thousands is running, also in another process.
 */
import type { Metrics, Queryable } from '#platform';
import { CognitoError } from './errors.js';
import { drainBucket, takeTokens } from './quota.sql.js';
import { bucketShape, URGENCIES, type BucketShape, type QuotaCategory, type Quotas, type Urgency } from './quotas.js';

export interface QuotaGateOptions {
  readonly database: Queryable;
  readonly quotas: Quotas;
  /** Part of the account's quota that we allow ourselves, 0..1. */
  readonly share: number;
  readonly metrics: Metrics;
  /** A waiter gives up after this long; its caller tries again later. */
  readonly maxWaitMs?: number;
}

interface Waiter {
  readonly since: number;
  admit(): void;
  refuse(error: unknown): void;
}

/** Tokens fetched at once: enough to spare round trips, too few to starve another replica. */
const BATCH = 5;
const DRAIN_SECONDS = 1;

export class QuotaGate {
  private readonly lines = new Map<QuotaCategory, Line>();
  private readonly waited;

  constructor(private readonly options: QuotaGateOptions) {
    this.waited = options.metrics.histogram(
      'cognito_quota_wait_seconds',
      'Time that a Cognito call waited for its token',
      ['category', 'urgency'],
    );
  }

  /** Resolves when one call of the category may be made. Rejects as `throttled` after the longest wait. */
  async take(category: QuotaCategory, urgency: Urgency): Promise<void> {
    const since = performance.now();
    await this.line(category).enter(urgency, since);
    this.waited.observe({ category, urgency }, (performance.now() - since) / 1000);
  }

  /** Cognito refused for rate although we stayed below our share (others use the account too): pause the category. */
  async drain(category: QuotaCategory): Promise<void> {
    await this.options.database.query(drainBucket, [category, this.line(category).shape.rate, DRAIN_SECONDS]);
  }

  private line(category: QuotaCategory): Line {
    let line = this.lines.get(category);
    if (!line) {
      const { database, quotas, share, maxWaitMs } = this.options;
      line = new Line(category, bucketShape(quotas[category], share), database, maxWaitMs ?? 10_000);
      this.lines.set(category, line);
    }
    return line;
  }
}

class Line {
  private readonly waiting: Record<Urgency, Waiter[]> = { offboarding: [], urgent: [], bulk: [] };
  private pumping = false;
  /** While the pump sleeps: for whom, and how to end that. */
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
      // Tokens that the sleeper may not take are there for who is in more of a hurry.
      if (this.sleeping && isBefore(urgency, this.sleeping.urgency)) this.sleeping.wake();
      if (!this.pumping) void this.pump();
    });
  }

  private async pump(): Promise<void> {
    this.pumping = true;
    try {
      for (let urgency = this.next(); urgency; urgency = this.next()) {
        const pauseMs = await this.serve(urgency);
        if (pauseMs > 0) await this.pause(urgency, pauseMs);
        this.refuseExpired();
      }
    } catch (error) {
      for (const waiter of URGENCIES.flatMap((u) => this.waiting[u].splice(0))) waiter.refuse(error);
    } finally {
      this.pumping = false;
    }
  }

  private next(): Urgency | undefined {
    return URGENCIES.find((u) => this.waiting[u].length > 0);
  }

  /** Admits the head of the line; answers how long to pause before the next try. */
  private async serve(urgency: Urgency): Promise<number> {
    const line = this.waiting[urgency];
    const { rate, capacity, perSecond, reserve } = this.shape;
    const want = Math.min(line.length, BATCH);
    const values = [this.category, want, rate, capacity, perSecond, reserve[urgency]];
    const [row] = await this.database.query<{ granted: number; wait_ms: number }>(takeTokens, values);
    const granted = row?.granted ?? 0;
    for (const waiter of line.splice(0, granted)) waiter.admit();
    if (granted > 0) return 0;
    return Math.max(row?.wait_ms ?? 0, urgency === 'bulk' ? this.bulkPauseMs(want) : 0);
  }

  /** Until there are several tokens: bulk work asks seldom. Not until the bucket is full: what overflows is lost. */
  private bulkPauseMs(want: number): number {
    const { rate, capacity, reserve } = this.shape;
    return (1_000 * Math.min(want, (capacity - reserve.bulk) / 2)) / rate;
  }

  private async pause(urgency: Urgency, ms: number): Promise<void> {
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
    for (const line of Object.values(this.waiting)) {
      while (line[0] && line[0].since <= deadline)
        line
          .shift()
          ?.refuse(new CognitoError('throttled', this.category, 'QuotaWait', `no token within ${this.maxWaitMs} ms`));
    }
  }
}

const isBefore = (a: Urgency, b: Urgency): boolean => URGENCIES.indexOf(a) < URGENCIES.indexOf(b);
