/** Updates this service's copy of the tenants' settings from the topic `integration.settings`. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext } from '#event-bus';
import { applySettings, type SettingsEvent } from '#settings';
import { Tenants } from '../tenants.js';

@Controller()
export class GatewaySettingsConsumer {
  constructor(private readonly tenants: Tenants) {}

  @EventPattern('com.stackflow.integration.settings.changed.v1')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const settings = event as SettingsEvent;
    await applySettings(tx, settings);
    tx.afterCommit(() => this.tenants.accept(settings));
  }
}
