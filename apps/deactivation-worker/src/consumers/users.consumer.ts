/**
 * A person was created, changed or offboarded. Handling an event is fast: it calls no other service, counts nothing and
 * locks one row.
 */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent, shortType } from '#event-bus';
import { AccessEvaluator } from '../access/evaluator.js';
import { storeUser } from '../access/person.sql.js';
import { causeOf } from '../cases/cause.js';

@Controller()
export class OffboardingUsersConsumer {
  constructor(private readonly evaluator: AccessEvaluator) {}

  @EventPattern('directory.users')
  async userChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.users');
    if (data === null) return;
    const type = shortType(event);
    const person = await storeUser(tx, {
      tenant: event.tenant,
      version: event.sequence,
      user: data.user,
      deleted: type === 'user.deleted',
      reactivated: type === 'user.reactivated',
      time: event.time,
    });
    if (person === 'foreign')
      throw new PoisonEvent(`user ${data.user.id} belongs to another tenant than ${event.tenant}`);
    if (person !== 'stale') await this.evaluator.evaluate(tx, person, causeOf(event));
  }
}
