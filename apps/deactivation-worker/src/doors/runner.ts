/**
 * Closes and opens doors in Cognito. Claims people who are due, calls Cognito outside any transaction, records each
 * step if the lease is still its own. Closing somebody whom Cognito may still let in goes before all else: such work
 * may take every place, the rest (sign-out, confirmation, opening) at most half of them.
 */
import { retryDelay, type UserPool } from '#cognito';
import type { Outbox } from '#event-bus';
import { inSpan, Loop, WorkerLease, type Database, type Logger, type Metrics, type Prepared } from '#platform';
import { doorSeconds } from '../cases/case-metrics.js';
import { DoorSync, LeaseLost, StepFailure, toWork, type Work, type WorkRow } from './door-sync.js';
import { claimOther, claimUrgent, distrust, recordFailure, releaseForgotten, retryNow } from './door.sql.js';
import { isUrgent } from './plan.js';

export interface RunnerOptions {
  readonly database: Database;
  readonly pool: UserPool;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly concurrency: number;
  readonly leaseSeconds: number;
}

const POLL_MS = 50;
const CONFIG_PAUSE_MS = 3_000;
const STOP_PATIENCE_MS = 6_000;
/** Wishes that change faster than Cognito answers, or a user who does not stay disabled: others first. */
const MAX_STEPS = 16;
const TOO_MANY_STEPS_PAUSE_SECONDS = 1;

interface Place {
  urgent: boolean;
  readonly done: Promise<void>;
}

export class Runner {
  private readonly active = new Map<string, Place>();
  private readonly lease: WorkerLease;
  private readonly loop: Loop;
  private readonly sync: DoorSync;
  private readonly results;
  private readonly paused;
  /** The last look left people behind, for want of places. */
  private full = false;
  private pausedUntil = 0;
  private outage = false;
  private stopping = false;

  constructor(private readonly options: RunnerOptions) {
    const { database, logger, metrics, pool, outbox, leaseSeconds } = options;
    this.lease = new WorkerLease(database, logger, leaseSeconds, () => [...this.active.keys()], releaseForgotten);
    this.loop = new Loop('doors', POLL_MS, logger, () => this.round());
    const seconds = doorSeconds(metrics);
    const closed = (door: 'cognito' | 'sign_out' | 'confirmed', s: number) => seconds.observe({ door }, s);
    this.sync = new DoorSync({ database, pool, outbox, workerId: this.lease.id, closed });
    this.results = metrics.counter('offboarding_steps_total', 'Steps at doors in Cognito', ['outcome']);
    this.paused = metrics.gauge('offboarding_runner_paused', '1 while the user pool or our credentials are wrong');
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.lease.start();
    this.loop.start();
  }

  /** Ends after the step that is under way; what does not end in time is taken over by others, who read it back. */
  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.loop.stop();
    const patience = new Promise<void>((resolve) => setTimeout(resolve, STOP_PATIENCE_MS).unref());
    await Promise.race([Promise.all([...this.active.values()].map((place) => place.done)), patience]);
    await this.lease.stop();
  }

  poke(): void {
    this.loop.poke();
  }

  private async round(): Promise<boolean> {
    if (performance.now() < this.pausedUntil || !this.lease.fresh) return false;
    // While the pool is known to be wrong one person at a time is enough to notice that it is right again.
    const places = this.pausedUntil > 0 ? 1 : this.options.concurrency;
    const urgent = await this.claim(claimUrgent, true, places - this.active.size);
    const other = await this.claim(claimOther, false, Math.min(this.freeForOther(), places - this.active.size));
    this.full = urgent === 'all places' || other === 'all places';
    return false;
  }

  private freeForOther(): number {
    const taken = [...this.active.values()].filter((place) => !place.urgent).length;
    return Math.max(1, Math.floor(this.options.concurrency / 2)) - taken;
  }

  private async claim(sql: Prepared, urgent: boolean, limit: number): Promise<'all places' | 'all people'> {
    if (limit <= 0) return 'all places';
    const { database, leaseSeconds } = this.options;
    return this.lease.claiming(async () => {
      const rows = await database.query<WorkRow>(sql, [this.lease.id, limit, leaseSeconds]);
      for (const work of rows.map(toWork)) {
        const done = this.work(work).finally(() => {
          this.active.delete(work.id);
          if (this.full) this.loop.poke();
        });
        this.active.set(work.id, { urgent, done });
      }
      return rows.length === limit ? 'all places' : 'all people';
    });
  }

  private work(work: Work): Promise<void> {
    const attributes = { tenant: work.tenant, account: work.id, door: work.door };
    return inSpan('offboarding door', { traceparent: work.traceparent, attributes }, async () => {
      try {
        await this.walk(work);
      } catch (error) {
        if (error instanceof StepFailure) await this.failed(work, error);
        else if (error instanceof LeaseLost) await this.leaseLost(work);
        else throw error;
      }
    }).catch((error: unknown) => {
      // The lease's next sign of life lets go of the person, with what Cognito holds marked as unknown.
      this.options.logger.error(
        { err: error, tenant: work.tenant, account: work.id, code: 'door_not_recorded' },
        'could not record what was done in Cognito',
      );
    });
  }

  private async walk(first: Work): Promise<void> {
    let work: Work | null = first;
    for (let steps = 0; work; steps++) {
      if (!this.lease.fresh) throw new LeaseLost();
      if (steps >= MAX_STEPS) return this.sync.giveBack(work, TOO_MANY_STEPS_PAUSE_SECONDS);
      if (this.stopping || !this.mayGoOn(work)) return this.sync.giveBack(work, 0);
      work = await this.sync.step(work);
      this.results.inc({ outcome: 'ok' });
      this.resume();
    }
  }

  /** Gives the place of somebody who is disabled to one who is not, if all places for other work are taken. */
  private mayGoOn(work: Work): boolean {
    const place = this.active.get(work.id);
    if (!place?.urgent || isUrgent(work)) return true;
    if (this.freeForOther() <= 0) return false;
    place.urgent = false;
    return true;
  }

  private async failed(work: Work, { failure, inDoubt, revision }: StepFailure): Promise<void> {
    const { database, logger } = this.options;
    const { errorClass, message } = failure;
    this.results.inc({ outcome: errorClass });
    this.outage ||= errorClass === 'retry' || errorClass === 'config';
    if (errorClass === 'config') this.pause(message);
    const { delaySeconds, counts } = retryDelay(errorClass, work.attempts);
    const parameters = [work.id, this.lease.id, inDoubt, counts ? 1 : 0, message.slice(0, 1000), errorClass];
    const rows = await database.query(recordFailure, [...parameters, delaySeconds, revision]);
    if (errorClass === 'permanent')
      logger.error(
        { tenant: work.tenant, account: work.id, code: 'cognito_permanent', door: work.door, reason: message },
        'Cognito refuses what this door needs; the fence stands. "npm run offboarding -- show" tells more',
      );
    if (rows.length === 0) await this.leaseLost(work);
  }

  private async leaseLost(work: Work): Promise<void> {
    this.results.inc({ outcome: 'lease_lost' });
    await this.options.database.query(distrust, [work.id]);
  }

  /** One loud line, not one per person. */
  private pause(reason: string): void {
    if (this.pausedUntil === 0)
      this.options.logger.error(
        { code: 'cognito_config', reason },
        'Cognito cannot be used as configured (pool, Region, credentials or plan). Fences stand, doors wait; trying again every few seconds',
      );
    this.pausedUntil = performance.now() + CONFIG_PAUSE_MS;
    this.paused.set(1);
  }

  /** A step succeeded: Cognito is there again for everybody. */
  private resume(): void {
    if (this.pausedUntil > 0) {
      this.pausedUntil = 0;
      this.paused.set(0);
      this.options.logger.info('Cognito can be used again');
    }
    if (!this.outage) return;
    this.outage = false;
    this.options.database.query(retryNow).then(
      () => this.loop.poke(),
      () => (this.outage = true),
    );
  }
}
