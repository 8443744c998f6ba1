/**
 * Keeps the users in Cognito equal to the accounts. An account is due while its desired revision is above the applied
 * one, so lost or repeated events do not matter. A process leases an account, calls Cognito outside any transaction,
 * and records the result if it still holds the lease.
 */
import { Inject, Injectable } from '@nestjs/common';
import { retryDelay, whenMisconfigured, type Urgency } from '#cognito';
import { Outbox } from '#event-bus';
import { CONFIG, Database, inSpan, LOGGER, Metrics, type Logger } from '#platform';
import { QueueWorker, type WorkKind } from '#worker';
import { stateEvent, type PublishedAccount } from '../accounts/account-events.js';
import type { AccountEntity, PoolState } from '../accounts/account.entity.js';
import { requestReevaluation } from '../accounts/reevaluation.sql.js';
import { PRIORITY } from '../accounts/transition.js';
import type { IdentityConfig } from '../config.js';
import { AccountSync, SyncFailure } from './account-sync.js';
import { ABSENT, type DesiredAccount } from './plan.js';
import { claimAccounts, lockLeased, markUnknown, recordFailed, recordSynced, releaseForgotten } from './queue.sql.js';

type Claimed = DesiredAccount &
  Pick<AccountEntity, 'priority' | 'applied' | 'attempts' | 'traceparent'> & {
    readonly revision: number;
    /** Time as text, because a `Date` would lose the microseconds. */
    readonly dirtySince: string | null;
    readonly takenOver: boolean;
  };

const POLL_MS = 100;
/** The part of the slots that bulk work may use. The rest is reserved for other work. */
const BULK_SHARE = 0.75;

@Injectable()
export class Reconciler {
  private readonly queue: QueueWorker<Claimed>;
  private readonly results;
  private readonly latency;

  constructor(
    private readonly database: Database,
    private readonly sync: AccountSync,
    private readonly outbox: Outbox,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CONFIG)
    private readonly config: Pick<IdentityConfig, 'RECONCILER_CONCURRENCY' | 'RECONCILER_LEASE_SECONDS'>,
    metrics: Metrics,
  ) {
    this.queue = new QueueWorker({
      name: 'reconciler',
      database,
      logger,
      concurrency: config.RECONCILER_CONCURRENCY,
      leaseSeconds: config.RECONCILER_LEASE_SECONDS,
      pollMs: POLL_MS,
      releaseForgotten,
      shareOfOther: BULK_SHARE,
      claim: (kind, owner, limit) => this.claim(kind, owner, limit),
      work: (account) => this.work(account),
      paused: metrics.gauge(
        'identity_reconciler_paused',
        '1 while Cognito refuses every call because the user pool or our credentials are wrong',
      ),
      messages: whenMisconfigured('Accounts wait'),
    });
    this.results = metrics.counter('identity_sync_total', 'Attempts to make Cognito equal to an account', ['outcome']);
    const help = 'Time from the change of an account until Cognito shows it';
    this.latency = metrics.histogram('identity_sync_seconds', help, ['priority']);
  }

  /** The owner of this process's leases, and the seconds for which a lease is valid without a heartbeat. */
  get lease(): { readonly owner: string; readonly seconds: number } {
    return { owner: this.queue.id, seconds: this.config.RECONCILER_LEASE_SECONDS };
  }

  onApplicationBootstrap(): Promise<void> {
    return this.queue.start();
  }

  /** Resolves after the running calls have ended. */
  onModuleDestroy(): Promise<void> {
    return this.queue.stop();
  }

  /** Call it after accounts have changed. The queue also polls, so a missed call costs only milliseconds. */
  wake(): void {
    this.queue.wake();
  }

  private claim(kind: WorkKind, owner: string, limit: number): Promise<Claimed[]> {
    const [from, to] = kind === 'urgent' ? [PRIORITY.reduced, PRIORITY.single] : [PRIORITY.bulk, PRIORITY.bulk];
    return this.database.query<Claimed>(claimAccounts, [owner, from, to, limit, this.lease.seconds]);
  }

  private work(account: Claimed): Promise<void> {
    const { tenant, id, priority, traceparent, applied, takenOver } = account;
    return inSpan('identity sync account', { traceparent, attributes: { tenant, account: id, priority } }, async () => {
      try {
        const known = takenOver || applied === null ? null : { ...ABSENT, ...applied };
        const urgency: Urgency = priority === PRIORITY.bulk ? 'bulk' : 'urgent';
        const actual = await this.sync.run(account, known, urgency, () => this.queue.fresh);
        this.queue.resume();
        await this.succeeded(account, actual);
      } catch (error) {
        if (error instanceof SyncFailure) await this.failed(account, error);
        else throw error;
      }
    });
  }

  private async succeeded(account: Claimed, actual: PoolState): Promise<void> {
    const { id, tenant, revision, dirtySince, traceparent, priority } = account;
    const provisioned = actual.exists && !account.provisioned;
    const seconds = await this.database.tx(async (tx) => {
      const [locked] = await tx.query<PublishedAccount & { causationId: string }>(lockLeased, [id, this.queue.id]);
      if (!locked) return null;
      const { causationId } = locked;
      const next = { ...locked, version: locked.version + 1 };
      const events = provisioned ? [stateEvent('provisioned', next, causationId)] : [];
      const result = [JSON.stringify(actual), revision, actual.exists, events.length, dirtySince];
      const [row] = await tx.query<{ seconds: number }>(recordSynced, [id, this.queue.id, ...result]);
      await this.outbox.add(tx, events);
      // The account lost access while Cognito created the user. If its case is already complete, only a re-evaluation
      // publishes the case.
      if (provisioned && locked.status !== 'active') {
        const cause = { type: 'account.provisioned', groupId: null, causationId };
        await requestReevaluation(tx, tenant, [id], { cause, traceparent });
      }
      return row?.seconds ?? 0;
    });
    if (seconds === null) return this.leaseLost(account);
    this.results.inc({ outcome: 'ok' });
    this.latency.observe({ priority }, seconds);
  }

  private async failed(account: Claimed, { failureClass, message, actual }: SyncFailure): Promise<void> {
    const { id, tenant, attempts, revision } = account;
    const refused = failureClass === 'permanent' || failureClass === 'conflict';
    this.results.inc({ outcome: failureClass });
    if (failureClass === 'config') this.queue.pause('cognito_config', message);
    else if (refused) this.queue.resume();
    const { delaySeconds, counts } = retryDelay(failureClass, attempts);
    const applied = actual && JSON.stringify(actual);
    const failure = [applied, counts ? 1 : 0, message.slice(0, 1000), failureClass, delaySeconds, revision];
    const rows = await this.database.query(recordFailed, [id, this.queue.id, ...failure]);
    if (refused)
      this.logger.error(
        { tenant, account: id, code: `cognito_${failureClass}`, reason: message },
        'Cognito refuses the latest change of an account; read the reason, correct the person or the user pool, then retry the account',
      );
    if (rows.length === 0) await this.leaseLost(account);
  }

  private async leaseLost({ id, priority, traceparent }: Claimed): Promise<void> {
    this.results.inc({ outcome: 'lease_lost' });
    await markUnknown(this.database, [id], priority, traceparent);
  }
}
