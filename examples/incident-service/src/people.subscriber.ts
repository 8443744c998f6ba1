/** Whoever left works on no incident any more: it goes back to the queue. */
import type { EventContext } from '#event-bus';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';

@Controller()
export class PeopleSubscriber {
  @EventPattern('com.stackflow.identity.account.deactivated.v1')
  deactivated(@Ctx() context: EventContext): Promise<void> {
    return unassign(context);
  }

  @EventPattern('com.stackflow.identity.account.removed.v1')
  removed(@Ctx() context: EventContext): Promise<void> {
    return unassign(context);
  }
}

/** Through `tx`: what it writes commits together with the fact that the event was handled. */
async function unassign({ tx, event }: EventContext): Promise<void> {
  await tx.query('update incident set assignee = null where tenant_id = $1 and assignee = $2', [
    event.tenant,
    event.subject,
  ]);
}
