/** Consumes `identity.access`: deactivation-worker ended access or gave it back, so the account's status may change. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import { storeAccess } from '../access/access.sql.js';
import { tryLockTenant } from '../accounts/locks.sql.js';
import { PersonEvaluator } from '../accounts/person-evaluator.js';
import { ACCESS_CLOSED } from '../accounts/subject.js';

@Controller()
export class IdentityAccessConsumer {
  constructor(private readonly people: PersonEvaluator) {}

  /** The roles in the event are ignored, because deactivation-worker copied them from our events. */
  @EventPattern('identity.access')
  async accessChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'identity.access');
    if (data === null) return;
    const { tenant, traceparent, causationid: causationId } = event;
    const locked = await tryLockTenant(tx, tenant);
    const outcome = await storeAccess(tx, event, data);
    if (outcome === 'foreign')
      throw new PoisonEvent(`account ${data.account} belongs to another tenant than ${tenant}`);
    if (outcome === 'same') return;
    const cause = { type: data.status === 'active' ? 'access.opened' : ACCESS_CLOSED, groupId: null, causationId };
    await this.people.evaluate(tx, tenant, [data.account], { cause, traceparent }, locked);
  }
}
