/** Keeps the gateway's copy of the tenants' settings: topic `integration.settings`, consumer group `scim-gateway`. */
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext } from '#event-bus';
import { applySettings } from '#settings';
import { Tenants, type SettingsChanged } from './tenants.js';

@Controller()
export class SettingsController {
  constructor(@Inject(Tenants) private readonly tenants: Tenants) {}

  @EventPattern('com.stackflow.integration.settings.changed.v1')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const settings = event as SettingsChanged;
    await applySettings(tx, settings);
    tx.afterCommit(() => this.tenants.accept(settings));
  }
}
