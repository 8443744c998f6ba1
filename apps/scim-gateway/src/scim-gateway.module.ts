import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { EventAdminModule, publishing } from '#event-bus';
import { LOGGER, Metrics, type Logger } from '#platform';
import { ScimTokenVerifier, secretStore, SecretStore } from '#secrets';
import { SettingsCopyConsumer, TenantsController, TenantSettingsCache, tenantSettingsCache } from '#settings';
import { TenantErasureController, tenantErasures } from '#worker';
import { RequestLog } from './activity/request-log.js';
import { RequestLogRetention } from './activity/retention.js';
import { TokenUse } from './activity/token-use.js';
import { DiscoveryController } from './api/discovery.controller.js';
import { GroupMembersController } from './api/group-members.controller.js';
import { GroupsController } from './api/groups.controller.js';
import { ScimRequestsController } from './api/scim-requests.controller.js';
import { UsersController } from './api/users.controller.js';
import { ScimAuthentication } from './http/authentication.js';
import { BasePaths } from './http/base-paths.js';
import { Budgets } from './http/budgets.js';
import { ScimErrorFilter } from './http/errors.js';
import { ScimHooks } from './http/hooks.js';
import { Quotas } from './resources/quotas.js';
import { GroupsService } from './resources/groups/groups.service.js';
import { DirectoryTenantClosing } from './resources/tenant-closing.js';
import { UsersService } from './resources/users/users.service.js';

/** Name of the service and its consumer group. */
export const GATEWAY = 'scim-gateway';

@Module({
  imports: [EventAdminModule],
  controllers: [
    UsersController,
    GroupsController,
    DiscoveryController,
    TenantsController,
    TenantErasureController,
    ScimRequestsController,
    GroupMembersController,
    SettingsCopyConsumer,
  ],
  providers: [
    ...publishing(GATEWAY),
    secretStore,
    {
      provide: ScimTokenVerifier,
      useFactory: createVerifier,
      inject: [SecretStore, TenantSettingsCache, Metrics, LOGGER],
    },
    { provide: APP_FILTER, useClass: ScimErrorFilter },
    tenantSettingsCache,
    TokenUse,
    RequestLog,
    RequestLogRetention,
    BasePaths,
    Budgets,
    ScimAuthentication,
    ScimHooks,
    Quotas,
    UsersService,
    GroupsService,
    DirectoryTenantClosing,
    tenantErasures(DirectoryTenantClosing),
  ],
})
export class ScimGatewayModule {}

function createVerifier(
  store: SecretStore,
  tenants: TenantSettingsCache,
  metrics: Metrics,
  logger: Logger,
): ScimTokenVerifier {
  const failures = metrics.counter(
    'secret_store_failures_total',
    'Failed attempts to read a SCIM token from Secrets Manager.',
  );
  const verifier = new ScimTokenVerifier({
    store,
    isKnownTenant: async (tenantId) => (await tenants.get(tenantId)) !== null,
    onStoreError: (tenant, error) => {
      failures.inc();
      logger.warn(
        { tenant, err: error, code: 'secret_store_unavailable' },
        "Cannot read the tenant's SCIM token from Secrets Manager. Requests with a cached token still work. Other requests are answered 503 until the token can be read. Check the network and the IAM role of this service.",
      );
    },
  });
  // After a rotation the new token must be accepted and the old one refused at once, whatever the cache holds.
  tenants.onChange((current, previous) => {
    if (JSON.stringify(current.settings.scimToken) !== JSON.stringify(previous?.settings.scimToken))
      verifier.invalidate(current.tenantId);
  });
  return verifier;
}
