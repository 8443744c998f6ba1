/** Consumes `directory.users`: a person was created, changed or deleted. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import { tryLockTenant } from '../accounts/locks.sql.js';
import { PersonEvaluator } from '../accounts/person-evaluator.js';
import { causeOf } from '../accounts/subject.js';
import { projectUser } from '../directory/projection.sql.js';

@Controller()
export class IdentityUsersConsumer {
  constructor(private readonly people: PersonEvaluator) {}

  @EventPattern('directory.users')
  async personChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.users');
    if (data === null) return;
    const { tenant, traceparent } = event;
    const change = { cause: causeOf(event), traceparent };
    const locked = await tryLockTenant(tx, tenant);
    const outcome = await projectUser(tx, tenant, event.sequence, data.user, change.cause.type === 'user.deleted');
    if (outcome === 'foreign') throw new PoisonEvent(`user ${data.user.id} belongs to another tenant than ${tenant}`);
    if (outcome === 'stale') return;
    await this.people.evaluate(tx, tenant, [data.user.id], change, locked);
  }
}
