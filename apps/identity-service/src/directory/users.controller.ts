/** A person was created, changed, joined or left a group: project it and bring the account to what follows from it. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import { tryLockTenant } from '../roles/evaluation.sql.js';
import { PersonEvaluator } from '../roles/person-evaluator.js';
import { Wake } from '../wake.js';
import { causeOf } from '../roles/transition.js';
import { projectGroup, projectUser } from './projection.sql.js';

@Controller()
export class UsersController {
  constructor(
    private readonly people: PersonEvaluator,
    private readonly wake: Wake,
  ) {}

  @EventPattern('directory.users')
  async personChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.users');
    if (data === null) return;
    const group = 'group' in data ? data.group : null;
    const cause = causeOf(event, group?.id ?? null);
    const now = await tryLockTenant(tx, event.tenant);
    const outcome = await projectUser(tx, event.tenant, event.sequence, data.user, cause.type === 'user.deleted');
    if (outcome === 'foreign')
      throw new PoisonEvent(`user ${data.user.id} belongs to another tenant than ${event.tenant}`);
    if (outcome === 'stale') return;
    // The event may outrun those of the group itself; what it knows newer about the group counts at once.
    if (group && (await projectGroup(tx, event.tenant, group, false, cause, event.traceparent)))
      tx.afterCommit(() => this.wake.reevaluate());
    await this.people.evaluate(tx, event.tenant, data.user.id, { cause, traceparent: event.traceparent, now });
  }
}
