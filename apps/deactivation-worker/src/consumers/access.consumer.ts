/**
 * A person was created, deactivated, reactivated, deleted or renamed. Handling an event is fast: it calls no other
 * service, counts nothing and locks one row.
 */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import type { AccessUser } from '#events';
import { AccessEvaluator } from '../access/evaluator.js';
import { storeUser } from '../access/person.sql.js';
import { causeOf } from '../cases/cause.js';

@Controller()
export class OffboardingAccessConsumer {
  constructor(private readonly evaluator: AccessEvaluator) {}

  @EventPattern('directory.access')
  async accessChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.access');
    if (data === null) return;
    const { user } = data;
    const person = await storeUser(tx, { tenant: event.tenant, version: event.sequence, user, time: event.time });
    if (person === 'foreign') throw new PoisonEvent(`user ${user.id} belongs to another tenant than ${event.tenant}`);
    if (person !== 'stale') await this.evaluator.evaluate(tx, person, causeOf(event, causeType(user)));
  }
}

/** The cause that a case names, should this change open one. */
const causeType = ({ active, deleted }: AccessUser): string =>
  deleted ? 'user.deleted' : active ? 'user.active' : 'user.deactivated';
