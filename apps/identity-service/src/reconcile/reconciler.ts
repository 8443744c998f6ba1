/**
 * Keeps Cognito equal to the accounts. Level-triggered: an account is dirty while its desired revision is above the
 * applied one; a repeated, late or lost trigger changes nothing about that. A worker claims it, calls Cognito outside
 * any transaction, and records the result if the lease is still its own.
 */
import { CognitoError, retryDelay, type Urgency, type UserPool } from '#cognito';
import type { Outbox } from '#event-bus';
import { inSpan, Loop, WorkerLease, type Database, type Logger, type Metrics, type Tx } from '#platform';
import { requestUserReevaluation } from '../directory/projection.sql.js';
import { PRIORITY, type AccountStatus } from '../roles/transition.js';
import { AccountSync, SyncFailure } from './account-sync.js';
import type { DesiredAccount, PoolState } from './plan.js';
import { provisionedEvent, type LockedAccount } from './provisioned.js';
import {
  claimAccounts,
  distrust,
  knownRoles,
  lockLeased,
  recordFailed,
  recordSynced,
  releaseForgotten,
  rolePrecedence,
} from './queue.sql.js';
import { watchQueue } from './queue-metrics.js';

export interface ReconcilerOptions {
  readonly database: Database;
  readonly pool: UserPool;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Accounts worked on at the same time; a quarter of it is kept for work that is not bulk. */
  readonly concurrency: number;
  readonly leaseSeconds: number;
}

interface Claimed extends DesiredAccount {
  readonly priority: number;
  readonly revision: number;
  readonly known: PoolState | null;
  readonly attempts: number;
  readonly traceparent: string | null;
  readonly dirtySince: string | null;
}

const POLL_MS = 100;
const CONFIG_PAUSE_MS = 3_000;
const STOP_PATIENCE_MS = 6_000;

export class Reconciler {
  private readonly active = new Map<string, { bulk: boolean; done: Promise<void> }>();
  private readonly groupsInMaking = new Map<string, Promise<void>>();
  private readonly lease: WorkerLease;
  private readonly loop: Loop;
  private readonly sync: AccountSync;
  private readonly results;
  private readonly latency;
  private readonly paused;
  /** The last look left accounts behind, for want of places. */
  private full = false;
  private pausedUntil = 0;

  constructor(private readonly options: ReconcilerOptions) {
    const { database, logger, metrics, pool, leaseSeconds } = options;
    this.lease = new WorkerLease(database, logger, leaseSeconds, () => [...this.active.keys()], releaseForgotten);
    this.loop = new Loop('reconciler', POLL_MS, logger, () => this.round());
    this.sync = new AccountSync({
      pool,
      knownRoles: async () => new Set((await database.query<{ role: string }>(knownRoles)).map((r) => r.role)),
      createGroup: (account, role, urgency) => this.createGroup(account, role, urgency),
      mayGoOn: () => this.lease.fresh,
    });
    this.results = metrics.counter('identity_sync_total', 'Attempts to make Cognito equal to an account', ['outcome']);
    this.latency = metrics.histogram('identity_sync_seconds', 'From the change of an account to Cognito showing it', [
      'priority',
    ]);
    this.paused = metrics.gauge('identity_reconciler_paused', '1 while the user pool or our credentials are wrong');
    watchQueue(database, metrics);
  }

  get workerId(): string {
    return this.lease.id;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.lease.start();
    this.loop.start();
  }

  /** Ends after the calls that are under way; what does not end in time is taken over by others, who read it back. */
  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
    const patience = new Promise<void>((resolve) => setTimeout(resolve, STOP_PATIENCE_MS).unref());
    await Promise.race([Promise.all([...this.active.values()].map((a) => a.done)), patience]);
    await this.lease.stop();
  }

  poke(): void {
    this.loop.poke();
  }

  /** Fills the free places, urgent work first; bulk work never takes the last quarter of them. */
  private async round(): Promise<boolean> {
    if (performance.now() < this.pausedUntil || !this.lease.fresh) return false;
    // While the pool is known to be wrong one account at a time is enough to notice that it is right again.
    const places = this.pausedUntil > 0 ? 1 : this.options.concurrency;
    const bulkPlaces = Math.max(1, Math.floor(places * 0.75));
    const urgent = await this.claim(PRIORITY.reduced, PRIORITY.single, places - this.active.size);
    const bulkNow = [...this.active.values()].filter((a) => a.bulk).length;
    const bulk = await this.claim(
      PRIORITY.bulk,
      PRIORITY.bulk,
      Math.min(bulkPlaces - bulkNow, places - this.active.size),
    );
    this.full = urgent === 'all places' || bulk === 'all places';
    return false;
  }

  private async claim(from: number, to: number, limit: number): Promise<'all places' | 'all accounts'> {
    if (limit <= 0) return 'all places';
    const { database, leaseSeconds } = this.options;
    return this.lease.claiming(async () => {
      const rows = await database.query<ClaimRow>(claimAccounts, [this.lease.id, from, to, limit, leaseSeconds]);
      for (const account of rows.map(toClaimed)) {
        const done = this.work(account).finally(() => {
          this.active.delete(account.id);
          if (this.full) this.loop.poke();
        });
        this.active.set(account.id, { bulk: account.priority === PRIORITY.bulk, done });
      }
      return rows.length === limit ? 'all places' : 'all accounts';
    });
  }

  private work(account: Claimed): Promise<void> {
    const attributes = { tenant: account.tenant, account: account.id, priority: account.priority };
    return inSpan('identity sync account', { traceparent: account.traceparent, attributes }, async () => {
      try {
        const urgency: Urgency = account.priority === PRIORITY.bulk ? 'bulk' : 'urgent';
        const actual = await this.sync.run(account, account.known, urgency);
        this.resume();
        await this.succeeded(account, actual);
      } catch (error) {
        if (error instanceof SyncFailure) await this.failed(account, error);
        else throw error;
      }
    }).catch((error: unknown) => {
      // The lease's next sign of life lets go of the account, with its state marked as unknown.
      this.options.logger.error(
        { err: error, tenant: account.tenant, account: account.id, code: 'sync_not_recorded' },
        'could not record what was done in Cognito',
      );
    });
  }

  private async succeeded(account: Claimed, actual: PoolState): Promise<void> {
    const { database, outbox } = this.options;
    const announce = actual.exists && !account.provisioned;
    const seconds = await database.tx(async (tx) => {
      const [locked] = await tx.query<LockedAccount>(lockLeased, [account.id, this.lease.id]);
      if (!locked) return null;
      const events = announce ? [provisionedEvent(account, locked)] : [];
      const parameters = [
        account.id,
        this.lease.id,
        JSON.stringify(actual),
        account.revision,
        actual.exists,
        events.length,
        account.dirtySince,
      ];
      const [row] = await tx.query<{ seconds: number }>(recordSynced, parameters);
      await outbox.add(tx, events);
      if (announce && locked.status !== 'active') await this.tellClosing(tx, account, locked);
      return row?.seconds ?? 0;
    });
    if (seconds === null) return this.leaseLost(account);
    this.results.inc({ outcome: 'ok' });
    this.latency.observe({ priority: account.priority }, seconds);
  }

  /** Closed while the creation was under way: a case that is complete already was not news while nobody knew of him. */
  private async tellClosing(tx: Tx, { tenant, id, traceparent }: Claimed, locked: LockedAccount): Promise<void> {
    const cause = { type: 'account.provisioned', groupId: null, causationId: locked.causation_id };
    await requestUserReevaluation(tx, tenant, id, cause, traceparent);
  }

  private async failed(account: Claimed, failure: SyncFailure): Promise<void> {
    const { database, logger } = this.options;
    const { failureClass, message, actual } = failure;
    this.results.inc({ outcome: failureClass });
    if (failureClass === 'config') this.pause(message);
    else if (failureClass === 'permanent' || failureClass === 'conflict') this.resume();
    const { delaySeconds, counts } = retryDelay(failureClass, account.attempts);
    const applied = actual === null ? null : JSON.stringify(actual);
    const rows = await database.query(recordFailed, [
      account.id,
      this.lease.id,
      applied,
      counts ? 1 : 0,
      message.slice(0, 1000),
      failureClass,
      delaySeconds,
      account.revision,
    ]);
    if (failureClass === 'permanent' || failureClass === 'conflict') {
      const say = { tenant: account.tenant, account: account.id, code: `cognito_${failureClass}`, reason: message };
      logger.error(
        say,
        'Cognito refuses this account; it stays different until somebody looks. "npm run accounts -- show" tells more',
      );
    }
    if (rows.length === 0) await this.leaseLost(account);
  }

  private async leaseLost(account: Claimed): Promise<void> {
    this.results.inc({ outcome: 'lease_lost' });
    await this.options.database.query(distrust, [[account.id], account.priority, account.traceparent]);
  }

  /** One loud line, not one per account. */
  private pause(reason: string): void {
    if (this.pausedUntil === 0)
      this.options.logger.error(
        { code: 'cognito_config', reason },
        'Cognito cannot be used as configured (pool, Region, credentials or plan). Accounts wait; trying again every few seconds',
      );
    this.pausedUntil = performance.now() + CONFIG_PAUSE_MS;
    this.paused.set(1);
  }

  private resume(): void {
    if (this.pausedUntil === 0) return;
    this.pausedUntil = 0;
    this.paused.set(0);
    this.options.logger.info('Cognito can be used again');
  }

  /** Many accounts that miss the same group make it once. */
  private createGroup(account: DesiredAccount, role: string, urgency: Urgency): Promise<void> {
    let making = this.groupsInMaking.get(role);
    if (!making) {
      making = this.makeGroup(account, role, urgency).finally(() => this.groupsInMaking.delete(role));
      this.groupsInMaking.set(role, making);
    }
    return making;
  }

  private async makeGroup(account: DesiredAccount, role: string, urgency: Urgency): Promise<void> {
    const [row] = await this.options.database.query<{ position: number }>(rolePrecedence, [account.tenant, role]);
    try {
      await this.options.pool.createGroup(role, row?.position ?? 1_000, urgency);
    } catch (error) {
      if (!(error instanceof CognitoError) || error.errorClass !== 'exists') throw error;
    }
  }
}

interface ClaimRow {
  id: string;
  tenant: string;
  status: AccountStatus;
  user_name: string;
  external_id: string | null;
  email: string | null;
  display_name: string | null;
  given_name: string | null;
  family_name: string | null;
  roles: string[];
  priority: number;
  revision: string;
  applied: Partial<PoolState> | null;
  taken_over: boolean;
  provisioned: boolean;
  attempts: number;
  traceparent: string | null;
  dirty_since: string | null;
}

const toClaimed = (row: ClaimRow): Claimed => ({
  id: row.id,
  tenant: row.tenant,
  status: row.status,
  userName: row.user_name,
  externalId: row.external_id,
  email: row.email,
  displayName: row.display_name,
  givenName: row.given_name,
  familyName: row.family_name,
  roles: row.roles,
  priority: row.priority,
  revision: Number(row.revision),
  known:
    row.taken_over || row.applied === null
      ? null
      : { exists: false, confirmed: false, attributes: {}, groups: [], ...row.applied },
  provisioned: row.provisioned,
  attempts: row.attempts,
  traceparent: row.traceparent,
  dirtySince: row.dirty_since,
});
