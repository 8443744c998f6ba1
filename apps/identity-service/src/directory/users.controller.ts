/** A person was created, changed, joined or left a group: project it and bring the account to what follows from it. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent } from '#event-bus';
import { tryLockTenantShared } from '../roles/evaluation.sql.js';
import { Evaluator } from '../roles/evaluator.js';
import { Wake } from '../wake.js';
import { causeOf } from '../roles/transition.js';
import { projectGroup, projectUser, requestUserReevaluation } from './projection.sql.js';

@Controller()
export class UsersController {
  constructor(
    private readonly evaluator: Evaluator,
    private readonly wake: Wake,
  ) {}

  @EventPattern('directory.users')
  async personChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.users');
    if (data === null) return;
    const group = 'group' in data ? data.group : null;
    const cause = causeOf(event, group?.id ?? null);
    const [lock] = await tx.query<{ free: boolean }>(tryLockTenantShared, [event.tenant]);
    const outcome = await projectUser(tx, event.tenant, event.sequence, data.user, cause.type === 'user.deleted');
    if (outcome === 'foreign')
      throw new PoisonEvent(`user ${data.user.id} belongs to another tenant than ${event.tenant}`);
    if (outcome === 'stale') return;
    // The event may outrun those of the group itself; what it knows newer about the group counts at once.
    if (group && (await projectGroup(tx, event.tenant, group, false, cause, event.traceparent)))
      tx.afterCommit(() => this.wake.reevaluate());
    if (!lock?.free) {
      await requestUserReevaluation(tx, event.tenant, data.user.id, cause, event.traceparent);
      return tx.afterCommit(() => this.wake.reevaluate());
    }
    const changed = await this.evaluator.evaluate(tx, event.tenant, new Map([[data.user.id, cause]]));
    if (changed > 0) tx.afterCommit(() => this.wake.reconcile());
  }
}
