/** Consumes `directory.groups`: a group was created, renamed or deleted, so other mappings may match the group now. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { Reevaluator } from '../accounts/reevaluator.js';
import { causeOf } from '../accounts/subject.js';
import { projectGroup } from '../directory/projection.sql.js';

@Controller()
export class IdentityGroupsConsumer {
  constructor(private readonly reevaluator: Reevaluator) {}

  @EventPattern('directory.groups')
  async groupChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.groups');
    if (data === null) return;
    const { tenant, traceparent, sequence } = event;
    const cause = causeOf(event, data.group.id);
    // The event's sequence is the group's version. A deletion event may contain the previous version.
    const group = { ...data.group, version: sequence };
    if (await projectGroup(tx, tenant, group, cause.type === 'group.deleted', { cause, traceparent }))
      tx.afterCommit(() => this.reevaluator.wake());
  }
}
