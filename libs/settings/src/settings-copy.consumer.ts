import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { Database } from '#platform';
import { TenantSettingsCache } from './cache.js';
import { applySettings } from './copy.sql.js';

/** Stores `integration.settings` events in the service's own copy of the settings, and in the cache. */
@Controller()
export class SettingsCopyConsumer {
  constructor(private readonly tenants: TenantSettingsCache) {}

  @EventPattern('integration.settings')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'integration.settings');
    if (data === null) return;
    const settings = { tenant: event.tenant, sequence: event.sequence, data };
    await applySettings(tx, settings);
    tx.afterCommit(() => this.tenants.accept(settings));
  }
}

export const tenantSettingsCache = {
  provide: TenantSettingsCache,
  inject: [Database],
  useFactory: (database: Database) => new TenantSettingsCache({ database, schema: database.schema }),
};
