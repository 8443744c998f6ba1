/**
 * Evaluates accounts again after a change of a group or the settings, or of a person whose row another transaction had
 * locked. Each request commits together with the change. One transaction per tenant then processes the requests, under
 * the tenant's exclusive lock. After a crash the requests still exist, and a repetition changes nothing.
 */
import { Inject, Injectable } from '@nestjs/common';
import { Database, inSpan, LOGGER, NIL_UUID, type Logger, type Tx } from '#platform';
import { defaultsBesideOwn, settingsOf } from '#settings';
import { Loop } from '#worker';
import { Reconciler } from '../cognito/reconciler.js';
import { MembershipLoader } from '../directory/membership-loader.js';
import { forgetMembers, startLoads } from '../directory/membership.sql.js';
import { Evaluator } from './evaluator.js';
import { settlePins, waitingOfTenant, type WaitingGroup } from '../pins/pins.sql.js';
import { lockTenantExclusively } from './locks.sql.js';
import {
  affectedAccounts,
  nextTenant,
  nextRequests,
  takeRequests,
  type ReevaluationRequest,
} from './reevaluation.sql.js';
import type { Cause } from './subject.js';

const POLL_MS = 500;
const RETRY_MS = 2_000;

@Injectable()
export class Reevaluator {
  private readonly loop: Loop;
  /** Tenants whose last attempt failed, each with the time of the next attempt. */
  private readonly retryAt = new Map<string, number>();
  private lastTenant: string = NIL_UUID;

  constructor(
    private readonly database: Database,
    private readonly evaluator: Evaluator,
    private readonly reconciler: Reconciler,
    private readonly loader: MembershipLoader,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.loop = new Loop('re-evaluation', POLL_MS, logger, () => this.round());
    loader.onLoaded(() => this.wake());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  /** Call it after a request was stored. The loop also polls, so a missed call costs only milliseconds. */
  wake(): void {
    this.loop.wake();
  }

  /** Evaluates the requests of one tenant. Resolves with true if there may be more to do at once. */
  async round(): Promise<boolean> {
    const now = Date.now();
    for (const [tenant, until] of this.retryAt) if (until <= now) this.retryAt.delete(tenant);
    const [next] = await this.database.query<{ tenant: string }>(nextTenant, [
      [...this.retryAt.keys()],
      this.lastTenant,
    ]);
    if (!next) return false;
    this.lastTenant = next.tenant;
    try {
      const requests = await this.database.tx((tx) => this.startLoads(tx, next.tenant));
      const changed = await this.database.tx((tx) => this.reevaluate(tx, next.tenant, requests));
      if (changed > 0) this.reconciler.wake();
      await this.database.tx((tx) => this.forgetMembers(tx, next.tenant));
    } catch (error) {
      this.retryAt.set(next.tenant, Date.now() + RETRY_MS);
      this.logger.error(
        { err: error, tenant: next.tenant, code: 'reevaluation_failed' },
        'the re-evaluation of a tenant failed and is repeated; roles in this tenant do not change until it succeeds',
      );
    }
    return true;
  }

  /**
   * Begins to load the members of groups that a mapping names now, and resolves with the next requests. Only these
   * requests may be processed then: a later one may be about a mapping whose load has not begun. The rows of groups are
   * locked in short transactions, because the handlers of all tenants' events would otherwise wait for the evaluation.
   */
  private async startLoads(tx: Tx, tenant: string): Promise<readonly ReevaluationRequest[]> {
    await lockTenantExclusively(tx, tenant);
    const requests = await nextRequests(tx, tenant);
    const regrouping = requests.filter(({ userIds }) => userIds === null);
    if (regrouping.length > 0 && (await startLoads(tx, tenant, regrouping))) tx.afterCommit(() => this.loader.wake());
    return requests;
  }

  /** The members of a group are forgotten only after they were evaluated without it. */
  private async forgetMembers(tx: Tx, tenant: string): Promise<void> {
    await lockTenantExclusively(tx, tenant);
    await forgetMembers(tx, tenant);
  }

  private async reevaluate(tx: Tx, tenant: string, next: readonly ReevaluationRequest[]): Promise<number> {
    await lockTenantExclusively(tx, tenant);
    const requests = await takeRequests(tx, next);
    const last = requests.at(-1);
    if (!last) return 0;
    const attributes = { tenant, requests: requests.length };
    return inSpan('identity re-evaluate', { traceparent: last.traceparent, attributes }, async () => {
      const causes = new Map<string, Cause>();
      // The requests are processed in order, so an account's cause is the latest change that affects the account.
      for (const request of latestOfEach(requests)) {
        const cause = { type: request.cause, groupId: request.groupId, causationId: request.causationId };
        for (const id of await affectedAccounts(tx, tenant, request)) causes.set(id, cause);
      }
      if (requests.some(({ userIds }) => userIds === null)) await this.settlePins(tx, tenant, last, causes);
      const { changed } = await this.evaluator.evaluate(tx, tenant, causes, 'exclusive');
      this.logger.info(
        { tenant, accounts: causes.size, changed, cause: last.cause, causationId: last.causationId },
        're-evaluated accounts of a tenant',
      );
      return changed;
    });
  }

  /** Pins groups to mapped names, and adds the members of the pinned groups to the accounts to evaluate. */
  private async settlePins(
    tx: Tx,
    tenant: string,
    last: ReevaluationRequest,
    causes: Map<string, Cause>,
  ): Promise<void> {
    const defaults = defaultsBesideOwn(
      (await settingsOf(tx, this.database.schema, tenant))?.settings.roleMappings ?? [],
    );
    const before = new Set((await tx.query<WaitingGroup>(waitingOfTenant, [tenant])).map(({ groupId }) => groupId));
    for (const { id: groupId } of await tx.query<{ id: string }>(settlePins, [tenant, defaults])) {
      const request = { ...last, userIds: null, groupId };
      for (const id of await affectedAccounts(tx, tenant, request))
        causes.set(id, { type: last.cause, groupId, causationId: last.causationId });
    }
    const waiting = await tx.query<WaitingGroup>(waitingOfTenant, [tenant]);
    tx.afterCommit(() => {
      for (const { groupId: group, name, roles, members } of waiting.filter(({ groupId }) => !before.has(groupId)))
        this.logger.warn(
          { tenant, code: 'group_waits', group, name, roles, members },
          'A group bears a mapped name that belonged to another group, or was renamed to it. Nobody gains the role until an administrator confirms the group.',
        );
    });
  }
}

/** Returns all requests that name people, and only the last request for each group and for the whole tenant. */
function latestOfEach(requests: readonly ReevaluationRequest[]): ReevaluationRequest[] {
  const latest = new Map<string | null, ReevaluationRequest>();
  for (const request of requests) {
    const key = request.userIds === null ? request.groupId : `request ${request.id}`;
    latest.delete(key);
    latest.set(key, request);
  }
  return [...latest.values()];
}
