/** The Nest module of scim-gateway: its controllers and the providers that they need. */
import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { createBus, EventAdminModule, Outbox, Sequencer } from '#event-bus';
import { CONFIG, Database, Health, LOGGER, Metrics, type Logger } from '#platform';
import { ScimTokenVerifier, SecretStore } from '#secrets';
import { TenantsController } from '#settings';
import { RequestLog } from './activity/request-log.js';
import { RequestLogRetention } from './activity/retention.js';
import { TokenUse } from './activity/token-use.js';
import { DiscoveryController } from './api/discovery.controller.js';
import { GroupsController } from './api/groups.controller.js';
import { ScimRequestsController } from './api/scim-requests.controller.js';
import { UsersController } from './api/users.controller.js';
import type { GatewayConfig } from './config.js';
import { GatewaySettingsConsumer } from './consumers/settings.consumer.js';
import { ScimAuthentication } from './http/authentication.js';
import { BasePaths } from './http/base-paths.js';
import { ScimErrorFilter } from './http/errors.js';
import { ScimHooks } from './http/hooks.js';
import { EVENT_SOURCE } from './resources/events.js';
import { GroupsService } from './resources/groups/groups.service.js';
import { UsersService } from './resources/users/users.service.js';
import { Tenants } from './tenants.js';

/** Name of the service and of its consumer group. */
export const GATEWAY = 'scim-gateway';
export const SCHEMA = 'directory';

@Module({
  imports: [EventAdminModule],
  controllers: [
    UsersController,
    GroupsController,
    DiscoveryController,
    TenantsController,
    ScimRequestsController,
    GatewaySettingsConsumer,
  ],
  providers: [
    { provide: Sequencer, useFactory: createSequencer, inject: [CONFIG, Database, LOGGER, Metrics, Health] },
    { provide: Outbox, useFactory: createOutbox, inject: [Sequencer] },
    { provide: SecretStore, useFactory: createSecretStore, inject: [CONFIG] },
    { provide: ScimTokenVerifier, useFactory: createVerifier, inject: [SecretStore, Tenants, Metrics, LOGGER] },
    { provide: APP_FILTER, useClass: ScimErrorFilter },
    Tenants,
    TokenUse,
    RequestLog,
    RequestLogRetention,
    BasePaths,
    ScimAuthentication,
    ScimHooks,
    UsersService,
    GroupsService,
  ],
})
export class ScimGatewayModule {}

function createSequencer(
  config: GatewayConfig,
  database: Database,
  logger: Logger,
  metrics: Metrics,
  health: Health,
): Sequencer {
  return createBus(config, { service: GATEWAY, database, logger, metrics, health }).sequencer();
}

function createOutbox(sequencer: Sequencer): Outbox {
  const outbox = new Outbox(SCHEMA, EVENT_SOURCE);
  outbox.onStored(() => sequencer.wake());
  return outbox;
}

function createSecretStore(config: GatewayConfig): SecretStore {
  return new SecretStore({ region: config.AWS_REGION, endpoint: config.SECRETS_MANAGER_ENDPOINT });
}

function createVerifier(store: SecretStore, tenants: Tenants, metrics: Metrics, logger: Logger): ScimTokenVerifier {
  const failures = metrics.counter(
    'secret_store_failures_total',
    'Reads of SCIM tokens from Secrets Manager that failed.',
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
  // After a rotation the new token must be accepted and the old token refused at once, even if the cache has not
  // expired.
  tenants.onChange((current, previous) => {
    if (JSON.stringify(current.settings.scimToken) !== JSON.stringify(previous?.settings.scimToken))
      verifier.invalidate(current.tenantId);
  });
  return verifier;
}
