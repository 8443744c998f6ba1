/**
 * Signs somebody out everywhere without taking his access away (Okta's Universal Logout). Two fences: one at once, in
 * the transaction that makes the sign-out due, by our own clock; and one by Cognito's when it has revoked the refresh
 * tokens. Between the two, tokens of a Cognito whose clock is ahead of ours are good for the seconds that it is ahead;
 * after the second none is that was issued before. A login between the two is signed out with the others: whoever asks
 * has to keep people waiting until `due` is false.
 */
import type { Outbox } from '#event-bus';
import { currentTraceparent, Problem, type Database } from '#platform';
import type { Wake } from '../wake.js';
import { askSignOut, fenceEvent, signOutState, type FencedRow } from './sign-out.sql.js';

export interface SignOutState {
  /** Refresh tokens from before may still live. */
  readonly due: boolean;
  /** Of `identity.access`: once not due, this version, or a later one, has the fence. */
  readonly accessVersion: number;
}

export class SignOuts {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly wake: Wake,
  ) {}

  /** Durable when it resolves. Asked again it does it again, also for whoever has signed in since. */
  async ask(tenant: string, account: string, causationId: string): Promise<SignOutState> {
    const parameters = [account, tenant, causationId, currentTraceparent()];
    await this.database.tx(async (tx) => {
      const [row] = await tx.query<FencedRow & { fenced: boolean }>(askSignOut, parameters);
      if (row?.fenced) await this.outbox.add(tx, [fenceEvent(row)]);
      if (row) tx.afterCommit(() => this.wake.run());
    });
    return this.state(tenant, account);
  }

  async state(tenant: string, account: string): Promise<SignOutState> {
    const [state] = await this.database.query<SignOutState>(signOutState, [account, tenant]);
    if (!state) throw new Problem('not_found', `There is no account ${account} in this tenant.`);
    return state;
  }
}
