/**
 * Completes Universal Logouts. It announces each logout to deactivation-worker, which fences the tokens and revokes the
 * refresh tokens at Cognito. A logout is complete when the event with the fence has also arrived in this service, which
 * checks the fence at each login.
 */
import { Inject, Injectable } from '@nestjs/common';
import { OffboardingClient } from '#contracts';
import { Database, LOGGER, type Logger } from '#platform';
import { Loop } from '#worker';
import { record } from '../audit/audit.js';
import { claimPending, complete, markAnnounced, retryLater, type PendingSignOut } from './pending-sign-outs.sql.js';

const PAUSE_MS = 100;
const BATCH = 20;

@Injectable()
export class PendingSignOuts {
  private readonly loop: Loop;

  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly worker: OffboardingClient,
  ) {
    this.loop = new Loop('sign-outs', PAUSE_MS, logger, () => this.round());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  wake(): void {
    this.loop.wake();
  }

  private async round(): Promise<boolean> {
    const pending = await claimPending(this.database, BATCH);
    await Promise.all(pending.map((one) => this.process(one)));
    return pending.length === BATCH;
  }

  private async process(pending: PendingSignOut): Promise<void> {
    const { tenant, account, logout } = pending;
    try {
      if (await this.isComplete(pending)) return;
    } catch (error) {
      this.logger.warn(
        { err: error, tenant, account, logout, code: 'sign_out_waits' },
        'Cannot complete a Universal Logout because deactivation-worker failed. StackFlow tries again, and the person cannot sign in until the logout is complete. Check deactivation-worker and DEACTIVATION_WORKER_URL.',
      );
    }
    await retryLater(this.database, pending);
  }

  private async isComplete(pending: PendingSignOut): Promise<boolean> {
    // If no event about the access has arrived, the person has never signed in, so there is nothing to sign out.
    const { due, accessVersion } = pending.known ? await this.state(pending) : { due: false, accessVersion: 0 };
    if (due) return false;
    return this.database.tx(async (tx) => {
      if (!(await complete(tx, pending, accessVersion))) return false;
      const { tenant, account: accountId, logout: id } = pending;
      await record(tx, { event: 'universal_logout_done', tenant, accountId, detail: { id } });
      return true;
    });
  }

  private async state(pending: PendingSignOut) {
    const { tenant, account, logout } = pending;
    if (pending.announced) return this.worker.signOutState(tenant, account);
    const request = { causationId: `universal-logout:${logout}` };
    const state = await this.worker.signOut(tenant, account, request);
    await markAnnounced(this.database, pending);
    return state;
  }
}
