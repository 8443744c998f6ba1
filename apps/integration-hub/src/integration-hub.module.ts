import { Module } from '@nestjs/common';
import { EventAdminModule, publishing } from '#event-bus';
import { secretStore } from '#secrets';
import { ConnectionsController } from './api/connections.controller.js';
import { HubErasureController } from './api/tenant-erasure.controller.js';
import { HubTenantsController } from './api/hub-tenants.controller.js';
import { TenantViews } from './api/tenant-views.js';
import { AdminAudit } from './audit/admin-audit.js';
import { ConnectionService } from './settings/connection.service.js';
import { Publishing } from './settings/publishing.js';
import { TenantErasureService } from './settings/tenant-erasure.service.js';
import { TenantStore } from './settings/tenant.store.js';
import { TenantService } from './settings/tenant.service.js';

export const SERVICE = 'integration-hub';

@Module({
  imports: [EventAdminModule],
  controllers: [HubTenantsController, ConnectionsController, HubErasureController],
  providers: [
    ...publishing(SERVICE),
    secretStore,
    Publishing,
    TenantStore,
    TenantService,
    TenantErasureService,
    ConnectionService,
    AdminAudit,
    TenantViews,
  ],
})
export class IntegrationHubModule {}
