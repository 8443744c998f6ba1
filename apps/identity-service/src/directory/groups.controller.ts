/** A group was created, renamed or deleted: its name may match a mapping now, or no longer. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { Wake } from '../wake.js';
import { causeOf } from '../roles/transition.js';
import { projectGroup } from './projection.sql.js';

@Controller()
export class GroupsController {
  constructor(private readonly wake: Wake) {}

  @EventPattern('directory.groups')
  async groupChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.groups');
    if (data === null) return;
    const cause = causeOf(event, data.group.id);
    const deleted = cause.type === 'group.deleted';
    // The envelope's sequence is the group's version; the copy inside a deletion may still show the one before.
    const group = { ...data.group, version: event.sequence };
    if (await projectGroup(tx, event.tenant, group, deleted, cause, event.traceparent))
      tx.afterCommit(() => this.wake.reevaluate());
  }
}
