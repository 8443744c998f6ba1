/** Stores the copy of accounts and their access. If an event ends access, the same transaction ends the sessions. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import { storeAccess, storeAccount, storeExpected, type Stored } from '../accounts/accounts.sql.js';
import { endSessions } from '../sessions/ending.js';

@Controller()
export class AuthAccountsConsumer {
  @EventPattern('identity.accounts')
  async accountChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'identity.accounts');
    if (data === null) return;
    const { account } = data;
    const outcome = await storeAccount(tx, event.tenant, event.sequence, account);
    if (!isNews(outcome, account.id, event.tenant) || account.status === 'active') return;
    await endSessions(tx, event.tenant, account.id, `account_${account.status}`, event.causationid);
  }

  @EventPattern('identity.access')
  async accessChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const access = parseData(event, 'identity.access');
    if (access === null) return;
    const outcome = await storeAccess(tx, event.tenant, event.sequence, access);
    if (!isNews(outcome, access.account, event.tenant)) return;
    if (access.status !== 'active')
      await endSessions(tx, event.tenant, access.account, `access_${access.status}`, event.causationid);
    else if (access.notBefore !== null)
      await endSessions(tx, event.tenant, access.account, 'fenced', event.causationid, new Date(access.notBefore));
  }

  @EventPattern('directory.users')
  async userChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.users');
    if (data === null) return;
    const active = data.user.active && event.type !== 'com.stackflow.directory.user.deleted.v2';
    await storeExpected(tx, event.tenant, event.sequence, { ...data.user, active });
  }
}

function isNews(outcome: Stored, account: string, tenant: string): boolean {
  if (outcome === 'foreign') throw new PoisonEvent(`account ${account} belongs to another tenant than ${tenant}`);
  return outcome === 'stored';
}
