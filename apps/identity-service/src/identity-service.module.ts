import { Module } from '@nestjs/common';
import { cognitoOptions, UserPool } from '#cognito';
import { DirectoryClient, InternalClient } from '#contracts';
import { EventAdminModule, publishing } from '#event-bus';
import { CONFIG, Database, LOGGER, Metrics, type Logger } from '#platform';
import { TenantsController } from '#settings';
import { Eraser, TenantErasureController, tenantErasures } from '#worker';
import { erasures } from './accounts/erasure.sql.js';
import { Evaluator } from './accounts/evaluator.js';
import { PersonEvaluator } from './accounts/person-evaluator.js';
import { Reevaluator } from './accounts/reevaluator.js';
import { IdentityTenantClosing } from './accounts/tenant-closing.js';
import { AccountQueries } from './api/account-queries.js';
import { IdentityAccountsController } from './api/accounts.controller.js';
import { GroupPinsController } from './api/group-pins.controller.js';
import { HeldRoleLossesController } from './api/held-role-losses.controller.js';
import { PoolComparisonController } from './api/pool-comparison.controller.js';
import { RepublishController } from './api/republish.controller.js';
import { HeldLosses } from './brake/held-losses.js';
import { LossBrake } from './brake/loss-brake.js';
import { AccountSync } from './cognito/account-sync.js';
import { PoolComparer } from './cognito/pool-comparer.js';
import { QueueMetrics } from './cognito/queue-metrics.js';
import { Reconciler } from './cognito/reconciler.js';
import { RoleGroups } from './cognito/role-groups.js';
import type { IdentityConfig } from './config.js';
import { IdentityAccessConsumer } from './consumers/access.consumer.js';
import { IdentityCasesConsumer } from './consumers/cases.consumer.js';
import { IdentityGroupsConsumer } from './consumers/groups.consumer.js';
import { IdentitySettingsConsumer } from './consumers/settings.consumer.js';
import { IdentityUsersConsumer } from './consumers/users.consumer.js';
import { MembershipLoader } from './directory/membership-loader.js';

import { GroupPins } from './pins/group-pins.js';

export const SERVICE = 'identity-service';

const userPool = {
  provide: UserPool,
  inject: [CONFIG, Database, Metrics],
  useFactory: (config: IdentityConfig, database: Database, metrics: Metrics) =>
    new UserPool({
      ...cognitoOptions(config, database, metrics),
      maxSockets: config.RECONCILER_CONCURRENCY + 8,
    }),
};

const eraser = {
  provide: Eraser,
  inject: [Database, CONFIG, LOGGER, Metrics, Reconciler],
  useFactory: (database: Database, config: IdentityConfig, logger: Logger, metrics: Metrics, reconciler: Reconciler) =>
    new Eraser(database, erasures(config.ERASE_AFTER_DAYS), logger, metrics, () => reconciler.wake()),
};

const directory = {
  provide: DirectoryClient,
  inject: [CONFIG],
  useFactory: ({ SCIM_GATEWAY_URL: url, INTERNAL_API_CREDENTIAL: token }: IdentityConfig) =>
    new DirectoryClient(new InternalClient({ service: 'scim-gateway', url, token })),
};

@Module({
  imports: [EventAdminModule],
  controllers: [
    IdentityUsersConsumer,
    IdentityGroupsConsumer,
    IdentitySettingsConsumer,
    IdentityAccessConsumer,
    IdentityCasesConsumer,
    TenantsController,
    TenantErasureController,
    IdentityAccountsController,
    HeldRoleLossesController,
    GroupPinsController,
    PoolComparisonController,
    RepublishController,
  ],
  providers: [
    ...publishing(SERVICE),
    userPool,
    directory,
    MembershipLoader,
    LossBrake,
    Evaluator,
    PersonEvaluator,
    Reevaluator,
    HeldLosses,
    GroupPins,
    RoleGroups,
    AccountSync,
    Reconciler,
    QueueMetrics,
    PoolComparer,
    AccountQueries,
    eraser,
    IdentityTenantClosing,
    tenantErasures(IdentityTenantClosing),
  ],
})
export class IdentityServiceModule {}
