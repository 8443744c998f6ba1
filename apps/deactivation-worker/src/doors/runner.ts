/**
 * Closes and opens doors in Cognito. Takes people who are due, records each step if the lease is still its own. Closing
 * somebody whom Cognito may still let in goes before all else: such work may take every place, the rest (sign-out,
 * confirmation, opening) at most half of them.
 */
import { retryDelay, whenMisconfigured, type UserPool } from '#cognito';
import type { Outbox } from '#event-bus';
import { inSpan, type Metrics } from '#platform';
import { QueueWorker, type QueueSettings, type WorkKind } from '#worker';
import { doorSeconds } from '../cases/case-metrics.js';
import { DoorSync, LeaseLost, StepFailure, toWork, type Work, type WorkRow } from './door-sync.js';
import { claimOther, claimUrgent, distrust, recordFailure, releaseForgotten, retryNow } from './door.sql.js';
import { isUrgent } from './plan.js';

export interface RunnerOptions extends QueueSettings {
  readonly pool: UserPool;
  readonly outbox: Outbox;
  readonly metrics: Metrics;
}

const POLL_MS = 50;
/** Wishes that change faster than Cognito answers, or a user who does not stay disabled: others first. */
const MAX_STEPS = 16;
const TOO_MANY_STEPS_PAUSE_SECONDS = 1;

export class Runner {
  private readonly queue: QueueWorker<Work>;
  private readonly sync: DoorSync;
  private readonly results;
  /** Somebody failed because Cognito could not be reached or used. */
  private outage = false;

  constructor(private readonly options: RunnerOptions) {
    const { database, metrics, pool, outbox } = options;
    this.queue = new QueueWorker({
      ...options,
      name: 'doors',
      pollMs: POLL_MS,
      releaseForgotten,
      shareOfOther: 0.5,
      claim: (kind, owner, limit) => this.claim(kind, owner, limit),
      work: (work) => this.work(work),
      paused: metrics.gauge('offboarding_runner_paused', '1 while the user pool or our credentials are wrong'),
      messages: whenMisconfigured('Fences stand, doors wait'),
    });
    const seconds = doorSeconds(metrics);
    const closed = (door: 'cognito' | 'sign_out' | 'confirmed', s: number) => seconds.observe({ door }, s);
    this.sync = new DoorSync({ database, pool, outbox, workerId: this.queue.id, closed });
    this.results = metrics.counter('offboarding_steps_total', 'Steps at doors in Cognito', ['outcome']);
  }

  onApplicationBootstrap(): Promise<void> {
    return this.queue.start();
  }

  /** Ends after the step that is under way. */
  onModuleDestroy(): Promise<void> {
    return this.queue.stop();
  }

  poke(): void {
    this.queue.wake();
  }

  private async claim(kind: WorkKind, owner: string, limit: number): Promise<Work[]> {
    const { database, leaseSeconds } = this.options;
    const sql = kind === 'urgent' ? claimUrgent : claimOther;
    return (await database.query<WorkRow>(sql, [owner, limit, leaseSeconds])).map(toWork);
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
    });
  }

  private async walk(first: Work): Promise<void> {
    let work: Work | null = first;
    for (let steps = 0; work; steps++) {
      if (!this.queue.fresh) throw new LeaseLost();
      if (steps >= MAX_STEPS) return this.sync.giveBack(work, TOO_MANY_STEPS_PAUSE_SECONDS);
      if (this.queue.stopping || !this.mayGoOn(work)) return this.sync.giveBack(work, 0);
      work = await this.sync.step(work);
      this.results.inc({ outcome: 'ok' });
      this.resume();
    }
  }

  /** Gives the place of somebody who is disabled to one who is not, if all places for other work are taken. */
  private mayGoOn(work: Work): boolean {
    return isUrgent(work) || this.queue.continueAsOther(work.id);
  }

  private async failed(work: Work, { failure, inDoubt, revision }: StepFailure): Promise<void> {
    const { database, logger } = this.options;
    const { errorClass, message } = failure;
    this.results.inc({ outcome: errorClass });
    this.outage ||= errorClass === 'retry' || errorClass === 'config';
    if (errorClass === 'config') this.queue.pause('cognito_config', message);
    const { delaySeconds, counts } = retryDelay(errorClass, work.attempts);
    const parameters = [work.id, this.queue.id, inDoubt, counts ? 1 : 0, message.slice(0, 1000), errorClass];
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

  /** A step succeeded: Cognito is there again for everybody. */
  private resume(): void {
    this.queue.resume();
    if (!this.outage) return;
    this.outage = false;
    this.options.database.query(retryNow).then(
      () => this.queue.wake(),
      () => (this.outage = true),
    );
  }
}
