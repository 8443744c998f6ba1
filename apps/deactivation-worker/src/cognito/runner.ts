/**
 * Changes the access of people in Cognito, and records each step while this process holds the lease on the person.
 * Disabling users goes first and may use all `WORKER_CONCURRENCY` slots; other work may use half of them.
 */
import { Inject, Injectable } from '@nestjs/common';
import { retryDelay, whenMisconfigured } from '#cognito';
import { CONFIG, Database, inSpan, LOGGER, Metrics, type Logger } from '#platform';
import { QueueWorker, type WorkKind } from '#worker';
import type { WorkerConfig } from '../config.js';
import { OffboardingWake } from '../wake.js';
import {
  claimOther,
  claimUrgent,
  recordFailure,
  releaseForgotten,
  rereadAccess,
  retryNow,
} from './access-queue.sql.js';
import { AccessSync, LeaseLost, StepFailure, type Work } from './access-sync.js';
import { isUrgent } from './plan.js';

const POLL_MS = 50;
/**
 * Limit of steps in a row for one person. Without it, a person whose desired access changes all the time would keep a
 * slot forever.
 */
const MAX_STEPS = 16;
const TOO_MANY_STEPS_PAUSE_SECONDS = 1;

@Injectable()
export class AccessRunner {
  private readonly queue: QueueWorker<Work>;
  private readonly leaseSeconds: number;
  private readonly results;
  /** Whether a step failed because Cognito did not answer or the configuration was wrong. */
  private outage = false;

  constructor(
    private readonly database: Database,
    private readonly sync: AccessSync,
    @Inject(CONFIG) config: WorkerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
    wake: OffboardingWake,
  ) {
    this.leaseSeconds = config.WORKER_LEASE_SECONDS;
    this.queue = new QueueWorker({
      database,
      logger,
      concurrency: config.WORKER_CONCURRENCY,
      leaseSeconds: this.leaseSeconds,
      name: 'cognito access',
      pollMs: POLL_MS,
      releaseForgotten,
      shareOfOther: 0.5,
      claim: (kind, owner, limit) => this.claim(kind, owner, limit),
      work: (work) => this.work(work),
      paused: metrics.gauge('offboarding_runner_paused', '1 while the user pool or our credentials are wrong'),
      messages: whenMisconfigured('Fences are in force, but Cognito users are not disabled'),
    });
    this.results = metrics.counter('offboarding_steps_total', 'Steps in Cognito', ['outcome']);
    wake.on('run', () => this.queue.wake());
  }

  onApplicationBootstrap(): Promise<void> {
    return this.queue.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.queue.stop();
  }

  private claim(kind: WorkKind, owner: string, limit: number): Promise<Work[]> {
    const sql = kind === 'urgent' ? claimUrgent : claimOther;
    return this.database.query<Work>(sql, [owner, limit, this.leaseSeconds]);
  }

  private work(work: Work): Promise<void> {
    const attributes = { tenant: work.tenant, account: work.id, desired: work.desiredAccess };
    return inSpan('offboarding access', { traceparent: work.traceparent, attributes }, async () => {
      try {
        await this.doSteps(work);
      } catch (error) {
        if (error instanceof StepFailure) await this.failed(work, error);
        else if (error instanceof LeaseLost) await this.leaseLost(work);
        else throw error;
      }
    });
  }

  private async doSteps(first: Work): Promise<void> {
    let work: Work | null = first;
    for (let steps = 0; work; steps++) {
      if (!this.queue.fresh) throw new LeaseLost();
      if (steps >= MAX_STEPS) return this.sync.giveBack(work, TOO_MANY_STEPS_PAUSE_SECONDS);
      if (this.queue.stopping || !this.mayContinue(work)) return this.sync.giveBack(work, 0);
      work = await this.sync.step(work);
      this.results.inc({ outcome: 'ok' });
      this.resume();
    }
  }

  /**
   * Returns whether this process goes on with the person. Once the user is disabled, the remaining steps are not urgent
   * and need a slot for other work.
   */
  private mayContinue(work: Work): boolean {
    return isUrgent(work) || this.queue.continueAsOther(work.id);
  }

  private async failed(work: Work, { failure, stateUnknown, revision }: StepFailure): Promise<void> {
    const { errorClass, message } = failure;
    this.results.inc({ outcome: errorClass });
    this.outage ||= errorClass === 'retry' || errorClass === 'config';
    if (errorClass === 'config') this.queue.pause('cognito_config', message);
    const { delaySeconds, counts } = retryDelay(errorClass, work.attempts);
    const parameters = [work.id, work.leaseOwner, stateUnknown, counts ? 1 : 0, message.slice(0, 1000), errorClass];
    const rows = await this.database.query(recordFailure, [...parameters, delaySeconds, revision]);
    if (errorClass === 'permanent')
      this.logger.error(
        {
          tenant: work.tenant,
          account: work.id,
          code: 'cognito_permanent',
          desired: work.desiredAccess,
          reason: message,
        },
        'Cognito permanently refuses a step for this account. The fence is in force. Correct the user in Cognito, then retry.',
      );
    if (rows.length === 0) await this.leaseLost(work);
  }

  private async leaseLost(work: Work): Promise<void> {
    this.results.inc({ outcome: 'lease_lost' });
    await this.database.query(rereadAccess, [work.id]);
  }

  /**
   * Ends the pause of the queue after a step succeeded, because Cognito then works for everybody. After an outage,
   * people whose steps failed become due at once.
   */
  private resume(): void {
    this.queue.resume();
    if (!this.outage) return;
    this.outage = false;
    this.database.query(retryNow).then(
      () => this.queue.wake(),
      () => (this.outage = true),
    );
  }
}
