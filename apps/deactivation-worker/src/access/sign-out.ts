/**
 * Ends all sessions of a person who keeps their access (Okta's Universal Logout).
 *
 * There are two fences. Our clock sets the first fence, in the transaction that makes the sign-out due. Cognito's clock
 * sets the second fence, after Cognito has revoked the refresh tokens. If Cognito's clock is ahead of ours, its latest
 * tokens still count after the first fence. After the second fence no earlier token counts. A login between the two
 * fences is ended too, so callers keep people waiting until `due` is false.
 */
import { Injectable } from '@nestjs/common';
import type { SignOutState } from '#contracts';
import { Outbox } from '#event-bus';
import { currentTraceparent, Database, Problem } from '#platform';
import { OffboardingWake } from '../wake.js';
import { accessEvent } from './access-event.js';
import { PersonEntity } from './person.entity.js';
import { requestSignOut, type FencedRow } from './sign-out.sql.js';

@Injectable()
export class PersonSignOuts {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly wake: OffboardingWake,
  ) {}

  /** Stores the request before it resolves. A repeated request also ends logins since the first request. */
  async request(tenant: string, account: string, causationId: string): Promise<SignOutState> {
    const parameters = [account, tenant, causationId, currentTraceparent()];
    await this.database.tx(async (tx) => {
      const [row] = await tx.query<FencedRow>(requestSignOut, parameters);
      if (row?.fenced) await this.outbox.add(tx, [accessEvent(row)]);
      if (row) tx.afterCommit(() => this.wake.emit('run'));
    });
    return this.state(tenant, account);
  }

  async state(tenant: string, account: string): Promise<SignOutState> {
    const person = await this.database.repository(PersonEntity).findOneBy({ id: account, tenant });
    if (person) return { due: person.signOutDue, accessVersion: person.accessVersion };
    throw new Problem('not_found', `There is no account ${account} in this tenant.`, undefined, { account });
  }
}
