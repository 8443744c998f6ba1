/**
 * Ends all sessions of a person who keeps their access (Okta's Universal Logout). The fence moves to the time of our
 * clock when the sign-out becomes due. It moves again, to the time of Cognito's clock, after Cognito has revoked the
 * refresh tokens. If Cognito's clock is ahead of ours, the first fence alone would accept tokens from before the
 * sign-out.
 *
 * A login between the two fences also loses its tokens, so callers prevent logins of the person until `due` is false.
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

  /**
   * The sign-out is stored as due before the promise resolves. A repeated request also ends the sessions that began
   * after the first request.
   */
  async request(tenant: string, account: string, causationId: string): Promise<SignOutState> {
    const parameters = [account, tenant, causationId, currentTraceparent()];
    await this.database.tx(async (tx) => {
      const [row] = await tx.query<FencedRow>(requestSignOut, parameters);
      if (row?.fenced) await this.outbox.add(tx, [accessEvent(row, true)]);
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
