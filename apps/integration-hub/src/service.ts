import { ProblemFilter, type ServiceDefinition } from '#platform';
import { AdminAuditEntity } from './audit/admin-audit.entity.js';
import { config } from './config.js';
import { IntegrationHubModule, SERVICE } from './integration-hub.module.js';
import { Hub1764028800000 } from './migrations/0001-hub.js';
import { IntegrationSettingsEntity } from './settings/integration-settings.entity.js';
import { TenantEntity } from './settings/tenant.entity.js';

export const service: ServiceDefinition<typeof config> = {
  name: SERVICE,
  summary: 'Owns the tenants: their settings, their SCIM tokens and their connections to Okta.',
  config,
  database: {
    schema: 'hub',
    migrations: [Hub1764028800000],
    entities: [TenantEntity, IntegrationSettingsEntity, AdminAuditEntity],
  },
  module: () => IntegrationHubModule,
  configure: (app, { logger }) => void app.useGlobalFilters(new ProblemFilter(logger)),
};
