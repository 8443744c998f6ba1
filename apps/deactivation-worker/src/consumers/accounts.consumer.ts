/**
 * Cognito now has the user of an account, or the account's roles changed. The status in the event is ignored, because
 * it only repeats what this service published.
 */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import { AccessEvaluator } from '../access/evaluator.js';
import { storeAccount } from '../access/person.sql.js';
import { causeOf } from '../cases/cause.js';

@Controller()
export class OffboardingAccountsConsumer {
  constructor(private readonly evaluator: AccessEvaluator) {}

  @EventPattern('identity.accounts')
  async accountChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'identity.accounts');
    if (data === null) return;
    const person = await storeAccount(tx, event.tenant, event.sequence, data.account);
    if (person === 'foreign')
      throw new PoisonEvent(`account ${data.account.id} belongs to another tenant than ${event.tenant}`);
    // This event may arrive before the first directory.access event about the person. Without a directory event, nothing
    // can be decided.
    if (person !== 'stale' && person.directoryVersion > 0) await this.evaluator.evaluate(tx, person, causeOf(event));
  }
}
