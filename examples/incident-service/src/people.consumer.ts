/** Unassigns the incidents of a person whose access ended. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import type { EventContext } from '@stackflow/identity-events';

@Controller()
export class PeopleConsumer {
  @EventPattern('com.stackflow.identity.account.deactivated.v1')
  deactivated(@Ctx() context: EventContext): Promise<void> {
    return unassign(context);
  }

  @EventPattern('com.stackflow.identity.account.removed.v1')
  removed(@Ctx() context: EventContext): Promise<void> {
    return unassign(context);
  }
}

/** Writes through `tx`, so that the change commits together with the record that the event was handled. */
async function unassign({ tx, event }: EventContext): Promise<void> {
  await tx.query('update incident set assignee = null where tenant_id = $1 and assignee = $2', [
    event.tenant,
    event.subject,
  ]);
}
