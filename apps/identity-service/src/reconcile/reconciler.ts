/**
 * Keeps Cognito equal to the accounts. Level-triggered: an account is dirty while its desired revision is above the
 * applied one; a repeated, late or lost trigger changes nothing about that. A worker claims it, calls Cognito outside
 * any transaction, and records the result if the lease is still its own.
 */
import { CognitoError, retryDelay, whenMisconfigured, type Urgency, type UserPool } from '#cognito';
import type { Outbox } from '#event-bus';
import { inSpan, type Metrics, type Tx } from '#platform';
import { QueueWorker, type QueueSettings, type WorkKind } from '#worker';
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

export interface ReconcilerOptions extends QueueSettings {
  readonly pool: UserPool;
  readonly outbox: Outbox;
  readonly metrics: Metrics;
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
/** The rest is kept for work that is not bulk. */
const BULK_SHARE = 0.75;

export class Reconciler {
  private readonly queue: QueueWorker<Claimed>;
  private readonly groupsInMaking = new Map<string, Promise<void>>();
  private readonly sync: AccountSync;
  private readonly results;
  private readonly latency;

  constructor(private readonly options: ReconcilerOptions) {
    const { database, metrics, pool } = options;
    this.queue = new QueueWorker({
      ...options,
      name: 'reconciler',
      pollMs: POLL_MS,
      releaseForgotten,
      shareOfOther: BULK_SHARE,
      claim: (kind, owner, limit) => this.claim(kind, owner, limit),
      work: (account) => this.work(account),
      paused: metrics.gauge('identity_reconciler_paused', '1 while the user pool or our credentials are wrong'),
      messages: whenMisconfigured('Accounts wait'),
    });
    this.sync = new AccountSync({
      pool,
      knownRoles: async () => new Set((await database.query<{ role: string }>(knownRoles)).map((r) => r.role)),
      createGroup: (account, role, urgency) => this.createGroup(account, role, urgency),
      mayGoOn: () => this.queue.fresh,
    });
    this.results = metrics.counter('identity_sync_total', 'Attempts to make Cognito equal to an account', ['outcome']);
    this.latency = metrics.histogram('identity_sync_seconds', 'From the change of an account to Cognito showing it', [
      'priority',
    ]);
    watchQueue(database, metrics);
  }

  get workerId(): string {
    return this.queue.id;
  }

  onApplicationBootstrap(): Promise<void> {
    return this.queue.start();
  }

  /** Ends after the calls that are under way. */
  onModuleDestroy(): Promise<void> {
    return this.queue.stop();
  }

  poke(): void {
    this.queue.wake();
  }

  private async claim(kind: WorkKind, owner: string, limit: number): Promise<Claimed[]> {
    const { database, leaseSeconds } = this.options;
    const [from, to] = kind === 'urgent' ? [PRIORITY.reduced, PRIORITY.single] : [PRIORITY.bulk, PRIORITY.bulk];
    return (await database.query<ClaimRow>(claimAccounts, [owner, from, to, limit, leaseSeconds])).map(toClaimed);
  }

  private work(account: Claimed): Promise<void> {
    const attributes = { tenant: account.tenant, account: account.id, priority: account.priority };
    return inSpan('identity sync account', { traceparent: account.traceparent, attributes }, async () => {
      try {
        const urgency: Urgency = account.priority === PRIORITY.bulk ? 'bulk' : 'urgent';
        const actual = await this.sync.run(account, account.known, urgency);
        this.queue.resume();
        await this.succeeded(account, actual);
      } catch (error) {
        if (error instanceof SyncFailure) await this.failed(account, error);
        else throw error;
      }
    });
  }

  private async succeeded(account: Claimed, actual: PoolState): Promise<void> {
    const { database, outbox } = this.options;
    const announce = actual.exists && !account.provisioned;
    const seconds = await database.tx(async (tx) => {
      const [locked] = await tx.query<LockedAccount>(lockLeased, [account.id, this.queue.id]);
      if (!locked) return null;
      const events = announce ? [provisionedEvent(account, locked)] : [];
      const parameters = [
        account.id,
        this.queue.id,
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
    if (failureClass === 'config') this.queue.pause('cognito_config', message);
    else if (failureClass === 'permanent' || failureClass === 'conflict') this.queue.resume();
    const { delaySeconds, counts } = retryDelay(failureClass, account.attempts);
    const applied = actual === null ? null : JSON.stringify(actual);
    const rows = await database.query(recordFailed, [
      account.id,
      this.queue.id,
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
