import { Module } from '@nestjs/common';
import { createBus, EventAdminModule, Outbox, Sequencer } from '#event-bus';
import { CONFIG, Database, Health, LOGGER, Metrics, type Logger } from '#platform';
import { SecretStore } from '#secrets';
import { ConnectionsController } from './api/connections.controller.js';
import { HubTenantsController } from './api/hub-tenants.controller.js';
import { TenantViews } from './api/tenant-views.js';
import { AdminAudit } from './audit/admin-audit.js';
import type { HubConfig } from './config.js';
import { ConnectionService } from './settings/connection.service.js';
import { Publishing } from './settings/publishing.js';
import { TenantStore } from './settings/tenant.store.js';
import { TenantService } from './settings/tenant.service.js';

export const SERVICE = 'integration-hub';
export const SCHEMA = 'hub';

@Module({
  imports: [EventAdminModule],
  controllers: [HubTenantsController, ConnectionsController],
  providers: [
    { provide: Outbox, useFactory: () => new Outbox(SCHEMA, `/stackflow/${SERVICE}`) },
    {
      provide: Sequencer,
      useFactory: (config: HubConfig, database: Database, logger: Logger, metrics: Metrics, health: Health) =>
        createBus(config, { service: SERVICE, database, logger, metrics, health }).sequencer(SCHEMA),
      inject: [CONFIG, Database, LOGGER, Metrics, Health],
    },
    {
      provide: SecretStore,
      useFactory: (config: HubConfig) =>
        new SecretStore({ region: config.AWS_REGION, endpoint: config.SECRETS_MANAGER_ENDPOINT }),
      inject: [CONFIG],
    },
    Publishing,
    TenantStore,
    TenantService,
    ConnectionService,
    AdminAudit,
    TenantViews,
  ],
})
export class IntegrationHubModule {}
