/**
 * Where every Cognito call waits for its token. Per category one FIFO line of urgent and one of bulk work; one pump
 * fetches tokens for several waiters in one round trip. Urgent work goes first, and bulk work leaves a reserve in the
 * bucket, so that an offboarding finds tokens while an import of thousands is running.
 */
import type { Metrics, Queryable } from '#platform';
import { CognitoError } from './errors.js';
import { drainBucket, takeTokens } from './quota.sql.js';
import { bucketShape, type BucketShape, type QuotaCategory, type Quotas } from './quotas.js';

export type Urgency = 'urgent' | 'bulk';

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
  private readonly waiting: Record<Urgency, Waiter[]> = { urgent: [], bulk: [] };
  private pumping = false;
  private wake: (() => void) | null = null;

  constructor(
    private readonly category: QuotaCategory,
    readonly shape: BucketShape,
    private readonly database: Queryable,
    private readonly maxWaitMs: number,
  ) {}

  enter(urgency: Urgency, since: number): Promise<void> {
    return new Promise((admit, refuse) => {
      this.waiting[urgency].push({ since, admit, refuse });
      // Tokens that bulk work may not take are there for an urgent caller: do not let it sleep out bulk's pause.
      if (urgency === 'urgent') this.wake?.();
      if (!this.pumping) void this.pump();
    });
  }

  private async pump(): Promise<void> {
    this.pumping = true;
    try {
      while (this.waiting.urgent.length + this.waiting.bulk.length > 0) {
        const urgency: Urgency = this.waiting.urgent.length > 0 ? 'urgent' : 'bulk';
        const pauseMs = await this.serve(urgency);
        if (pauseMs > 0) await this.pause(urgency, pauseMs);
        this.refuseExpired();
      }
    } catch (error) {
      for (const waiter of [...this.waiting.urgent.splice(0), ...this.waiting.bulk.splice(0)]) waiter.refuse(error);
    } finally {
      this.pumping = false;
    }
  }

  /** Admits the head of the line; answers how long to pause before the next try. */
  private async serve(urgency: Urgency): Promise<number> {
    const line = this.waiting[urgency];
    const { rate, capacity, reserve } = this.shape;
    const want = Math.min(line.length, BATCH);
    const [row] = await this.database.query<{ granted: number; wait_ms: number }>(takeTokens, [
      this.category,
      want,
      rate,
      capacity,
      urgency === 'bulk' ? reserve : 0,
    ]);
    const granted = row?.granted ?? 0;
    for (const waiter of line.splice(0, granted)) waiter.admit();
    return granted > 0 ? 0 : (row?.wait_ms ?? 0);
  }

  private async pause(urgency: Urgency, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(ms, 1), this.maxWaitMs));
      if (urgency !== 'bulk') return;
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
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
