/** A person was created, changed or offboarded. Cheap on purpose: no call, no lock but the person's own, no counting. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData, PoisonEvent, shortType } from '#event-bus';
import { People } from './people.js';
import { projectDirectory } from './person.sql.js';
import { pushedAt } from './pushed-at.js';

@Controller()
export class UsersController {
  constructor(private readonly people: People) {}

  @EventPattern('directory.users')
  async personChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'directory.users');
    if (data === null) return;
    const type = shortType(event);
    const person = await projectDirectory(tx, {
      tenant: event.tenant,
      version: event.sequence,
      user: data.user,
      deleted: type === 'user.deleted',
      reactivated: type === 'user.reactivated',
      time: event.time,
    });
    if (person === 'foreign')
      throw new PoisonEvent(`user ${data.user.id} belongs to another tenant than ${event.tenant}`);
    if (person === 'stale') return;
    await this.people.settle(tx, person, { type, causationId: event.causationid, pushedAt: pushedAt(event) });
  }
}
