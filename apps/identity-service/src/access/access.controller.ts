/** deactivation-worker took access away, or gave it back: the account's status follows. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import { tryLockTenant } from '../roles/evaluation.sql.js';
import { PersonEvaluator } from '../roles/person-evaluator.js';
import { storeAccess, tryLockPerson } from './access.sql.js';

@Controller()
export class AccessController {
  constructor(private readonly people: PersonEvaluator) {}

  /** The roles in it are our own, come back: ignored. A status that is no news asks for nothing. */
  @EventPattern('identity.access')
  async accessChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'identity.access');
    if (data === null) return;
    const free = await tryLockTenant(tx, event.tenant);
    const outcome = await storeAccess(tx, event, data);
    if (outcome === 'foreign')
      throw new PoisonEvent(`account ${data.account} belongs to another tenant than ${event.tenant}`);
    if (outcome === 'same') return;
    const type = data.status === 'active' ? 'access.opened' : 'access.closed';
    const cause = { type, groupId: null, causationId: event.causationid };
    const now = free && (await tryLockPerson(tx, event.tenant, data.account));
    await this.people.evaluate(tx, event.tenant, data.account, { cause, traceparent: event.traceparent, now });
  }
}
