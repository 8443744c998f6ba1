/** The tenant's settings changed: "Deactivate on Offboard" was switched, or the brake was set. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { applySettings, settingsOf } from '#settings';
import { openedToInactive, waitingOf } from '../cases/case.sql.js';
import { People } from './people.js';
import { lockPeople } from './person.sql.js';
import { pushedAt } from './pushed-at.js';

@Controller()
export class SettingsController {
  constructor(private readonly people: People) {}

  /**
   * On: who is inactive and kept access loses it. Off: what waits for no other reason is discarded; nobody who lost
   * access gets it back.
   */
  @EventPattern('integration.settings')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'integration.settings');
    if (data === null) return;
    const { tenant } = event;
    const before = await settingsOf(tx, 'offboarding', tenant);
    if (!(await applySettings(tx, { tenant, sequence: event.sequence, data }))) return;
    const did = before?.settings.deactivateOnOffboard ?? true;
    if (did === data.deactivateOnOffboard) return;
    const ids = data.deactivateOnOffboard ? await openedToInactive(tx, tenant) : await waitingOf(tx, tenant);
    const cause = { type: 'settings.changed', causationId: event.causationid, pushedAt: pushedAt(event) };
    for (const person of await lockPeople(tx, tenant, ids)) await this.people.settle(tx, person, cause);
  }
}
