/** The one Nest module of the gateway. */
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Outbox, Sequencer, type Bus } from '#event-bus';
import { PLATFORM, type PlatformContext } from '#platform';
import { ScimTokenVerifier, SecretStore } from '#secrets';
import type { GatewayConfig } from './config.js';
import { DiscoveryController } from './discovery.controller.js';
import { GroupsController } from './groups/groups.controller.js';
import { GroupsService } from './groups/groups.service.js';
import { EVENT_SOURCE } from './groups/membership.sql.js';
import { Guard, TOKEN_VERIFIER } from './http/guard.js';
import { ScimErrorFilter } from './http/scim-errors.js';
import { RequestLog } from './requests/request-log.js';
import { RequestLogRetention } from './requests/retention.js';
import { TokenUse } from './requests/token-use.js';
import { SettingsController } from './settings.controller.js';
import { Tenants } from './tenants.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

@Module({})
export class GatewayModule {
  static for(platform: PlatformContext<GatewayConfig>, bus: Bus): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [UsersController, GroupsController, DiscoveryController, SettingsController],
      providers: [
        { provide: Sequencer, useValue: bus.sequencer(platform.database.schema) },
        { provide: Outbox, useFactory: createOutbox, inject: [PLATFORM, Sequencer] },
        { provide: SecretStore, useFactory: createSecretStore, inject: [PLATFORM] },
        { provide: TOKEN_VERIFIER, useFactory: createVerifier, inject: [PLATFORM, SecretStore, Tenants] },
        { provide: APP_FILTER, useClass: ScimErrorFilter },
        Tenants,
        TokenUse,
        RequestLog,
        RequestLogRetention,
        Guard,
        UsersService,
        GroupsService,
      ],
    };
  }
}

function createOutbox(platform: PlatformContext, sequencer: Sequencer): Outbox {
  const outbox = new Outbox(platform.database.schema, EVENT_SOURCE);
  outbox.onStored(() => sequencer.wake());
  return outbox;
}

const createSecretStore = ({ config }: PlatformContext<GatewayConfig>): SecretStore =>
  new SecretStore({ region: config.AWS_REGION, endpoint: config.SECRETS_MANAGER_ENDPOINT });

function createVerifier(platform: PlatformContext, store: SecretStore, tenants: Tenants): ScimTokenVerifier {
  const { logger, metrics } = platform;
  const failures = metrics.counter('secret_store_failures_total', 'Questions to the secret store without an answer.');
  const verifier = new ScimTokenVerifier({
    store,
    isKnownTenant: async (tenantId) => (await tenants.get(tenantId)) !== null,
    onStoreError: (tenant, error) => {
      failures.inc();
      logger.warn({ tenant, err: error, code: 'secret_store_unavailable' }, 'the SCIM token cannot be checked afresh');
    },
  });
  // A rotated token must be good, and the one that it replaced be gone, without waiting for the cache to expire.
  tenants.onChange((current, previous) => {
    if (JSON.stringify(current.settings.scimToken) !== JSON.stringify(previous?.settings.scimToken))
      verifier.invalidate(current.tenantId);
  });
  return verifier;
}
