/** Stores the copy of the tenants' settings. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { applySettings } from '#settings';
import { Sites } from '../http/sites.js';

/** Consumes the topic integration.settings. */
@Controller()
export class AuthSettingsConsumer {
  constructor(private readonly sites: Sites) {}

  @EventPattern('integration.settings')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'integration.settings');
    if (data === null) return;
    const settings = { tenant: event.tenant, sequence: event.sequence, data };
    await applySettings(tx, settings);
    tx.afterCommit(() => this.sites.accept(settings));
  }
}
