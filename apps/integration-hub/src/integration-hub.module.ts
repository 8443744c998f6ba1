import { Module } from '@nestjs/common';
import { EventAdminModule, publishing } from '#event-bus';
import { CONFIG } from '#platform';
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

@Module({
  imports: [EventAdminModule],
  controllers: [HubTenantsController, ConnectionsController],
  providers: [
    ...publishing(SERVICE),
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
