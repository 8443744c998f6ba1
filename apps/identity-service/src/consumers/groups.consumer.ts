/** Consumes `directory.groups`: a group was created, renamed or deleted, or people joined or left it. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { tryLockTenant } from '../accounts/locks.sql.js';
import { PersonEvaluator } from '../accounts/person-evaluator.js';
import { Reevaluator } from '../accounts/reevaluator.js';
import { causeOf } from '../accounts/subject.js';
import { MembershipLoader } from '../directory/membership-loader.js';
import { applyMembers, restartLoad } from '../directory/membership.sql.js';
import { projectGroup } from '../directory/projection.sql.js';

@Controller()
export class IdentityGroupsConsumer {
  constructor(
    private readonly people: PersonEvaluator,
    private readonly reevaluator: Reevaluator,
    private readonly loader: MembershipLoader,
  ) {}

  /** The members of a group that no mapping names are not stored, whatever the event says about them. */
  @EventPattern('directory.groups')
  async groupChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.groups');
    if (data === null) return;
    const { tenant, traceparent, sequence } = event;
    const cause = causeOf(event, data.group.id);
    const change = { cause, traceparent };
    const locked = await tryLockTenant(tx, tenant);
    // The event's sequence number is the group's version. A deletion event may contain the previous version.
    const group = { ...data.group, version: sequence };
    const projected = await projectGroup(tx, tenant, group, cause.type === 'group.deleted', change);
    if (projected === null) return;
    if (projected.requested) tx.afterCommit(() => this.reevaluator.wake());
    if (projected.members === 'unknown') return;
    if (projected.missed) {
      // An earlier event was skipped, so the stored members may be wrong.
      await restartLoad(tx, tenant, change);
      tx.afterCommit(() => this.loader.wake());
    }
    if (!('joined' in data)) return;
    await applyMembers(tx, tenant, data);
    await this.people.evaluate(tx, tenant, [...data.joined, ...data.left], change, locked);
  }
}
