/**
 * Sees to it that whoever was logged out here is signed out everywhere: tells deactivation-worker, which fences the tokens
 * and revokes what Cognito would renew, and waits until it has. Any replica may; what it did not finish another one does,
 * from the row. A logout ends only when the fence has arrived here, too: whoever signs in then is measured against it.
 */
import { type Database, type Logger } from '#platform';
import { Loop } from '#worker';
import { record } from '../audit.js';
import { claimOwed, comeBackLater, markTold, settle, type Owed } from './sign-outs.sql.js';
import type { WorkerApi } from './worker-api.js';

const PAUSE_MS = 100;
const AT_ONCE = 20;

export class SignOuts {
  private readonly loop: Loop;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    private readonly worker: WorkerApi,
  ) {
    this.loop = new Loop('sign-outs', PAUSE_MS, logger, () => this.round());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  poke(): void {
    this.loop.wake();
  }

  private async round(): Promise<boolean> {
    const owed = await claimOwed(this.database, AT_ONCE);
    await Promise.all(owed.map((one) => this.pay(one)));
    return owed.length === AT_ONCE;
  }

  private async pay(owed: Owed): Promise<void> {
    const { tenant, account, logout } = owed;
    try {
      if (await this.isPaid(owed)) return;
    } catch (error) {
      const about = { err: error, tenant, account, logout, code: 'sign_out_waits' };
      this.logger.warn(about, 'a person who was logged out is not signed out everywhere yet; nobody signs in as her');
    }
    await comeBackLater(this.database, owed);
  }

  private async isPaid(owed: Owed): Promise<boolean> {
    // Of whose access nothing was ever heard nobody was let in: there is nothing to sign out.
    const { due, accessVersion } = owed.known ? await this.ask(owed) : { due: false, accessVersion: 0 };
    if (due) return false;
    return this.database.tx(async (tx) => {
      if (!(await settle(tx, owed, accessVersion))) return false;
      const { tenant, account: accountId, logout: id } = owed;
      await record(tx, { event: 'universal_logout_done', tenant, accountId, detail: { id } });
      return true;
    });
  }

  private async ask(owed: Owed) {
    if (owed.told) return this.worker.state(owed);
    const state = await this.worker.ask(owed);
    await markTold(this.database, owed);
    return state;
  }
}
