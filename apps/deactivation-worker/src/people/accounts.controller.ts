/** identity-service tells of an account: Cognito has its user, and these are its roles. Its status is our own echo. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent, shortType } from '#event-bus';
import { People } from './people.js';
import { projectAccount } from './person.sql.js';
import { pushedAt } from './pushed-at.js';

@Controller()
export class AccountsController {
  constructor(private readonly people: People) {}

  @EventPattern('identity.accounts')
  async accountChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'identity.accounts');
    if (data === null) return;
    const person = await projectAccount(tx, event.tenant, event.sequence, data.account);
    if (person === 'foreign')
      throw new PoisonEvent(`account ${data.account.id} belongs to another tenant than ${event.tenant}`);
    // No order between topics: of whom the directory did not tell yet nothing can be decided.
    if (person === 'stale' || person.directoryVersion === 0) return;
    const cause = { type: shortType(event), causationId: event.causationid, pushedAt: pushedAt(event) };
    await this.people.settle(tx, person, cause);
  }
}
