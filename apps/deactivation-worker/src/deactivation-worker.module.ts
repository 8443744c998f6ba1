/** The providers are in the order in which an offboarding passes through them. */
import { Module } from '@nestjs/common';
import { cognitoOptions, UserPool } from '#cognito';
import { EventAdminModule, publishing } from '#event-bus';
import { CONFIG, Database, LOGGER, Metrics, type Logger } from '#platform';
import { TenantsController, tenantSettingsCache } from '#settings';
import { Eraser, TenantErasureController, tenantErasures } from '#worker';
import { erasures } from './access/erasure.sql.js';
import { AccessEvaluator } from './access/evaluator.js';
import { OktaSignals } from './access/okta-signals.js';
import { PersonSignOuts } from './access/sign-out.js';
import { OffboardingTenantClosing } from './access/tenant-closing.js';
import { OffboardingCasesController } from './api/cases.controller.js';
import { EventHookController } from './api/event-hook.controller.js';
import { OktaComparisonController } from './api/okta-comparison.controller.js';
import { OffboardingPeopleController } from './api/people.controller.js';
import { PercentilesController } from './api/percentiles.controller.js';
import { Admission } from './cases/admission.js';
import { CaseQueries } from './cases/case-queries.js';
import { CasePercentiles } from './cases/percentiles.js';
import { CaseRefusals } from './cases/refusals.js';
import { AccessSync } from './cognito/access-sync.js';
import { AccessRunner } from './cognito/runner.js';
import type { WorkerConfig } from './config.js';
import { OffboardingAccessConsumer } from './consumers/access.consumer.js';
import { OffboardingAccountsConsumer } from './consumers/accounts.consumer.js';
import { OffboardingSettingsConsumer } from './consumers/settings.consumer.js';
import { OktaCheckRun } from './okta/checks/check-run.js';
import { OktaChecks } from './okta/checks/checks.js';
import { OktaComparisons } from './okta/comparison/comparisons.js';
import { NightlyOktaComparison } from './okta/comparison/nightly.js';
import { OktaEventHooks } from './okta/hooks/event-hooks.js';
import { OktaMetrics } from './okta/okta-metrics.js';
import { OktaOrgs } from './okta/orgs.js';
import { OffboardingWake } from './wake.js';

export const SERVICE = 'deactivation-worker';

const userPool = (config: WorkerConfig, database: Database, metrics: Metrics): UserPool =>
  new UserPool({
    ...cognitoOptions(config, database, metrics),
    signOutCategory: config.COGNITO_SIGN_OUT_CATEGORY,
    maxSockets: config.WORKER_CONCURRENCY + 8,
  });

const eraser = {
  provide: Eraser,
  inject: [Database, CONFIG, LOGGER, Metrics],
  useFactory: (database: Database, config: WorkerConfig, logger: Logger, metrics: Metrics) =>
    new Eraser(database, erasures(config.ERASE_AFTER_DAYS), logger, metrics),
};

@Module({
  imports: [EventAdminModule],
  controllers: [
    OffboardingAccessConsumer,
    OffboardingAccountsConsumer,
    OffboardingSettingsConsumer,
    TenantsController,
    TenantErasureController,
    OffboardingCasesController,
    OffboardingPeopleController,
    PercentilesController,
    EventHookController,
    OktaComparisonController,
  ],
  providers: [
    OffboardingWake,
    ...publishing(SERVICE),
    AccessEvaluator,
    OktaSignals,
    PersonSignOuts,
    Admission,
    CaseQueries,
    CasePercentiles,
    CaseRefusals,
    { provide: UserPool, useFactory: userPool, inject: [CONFIG, Database, Metrics] },
    AccessSync,
    AccessRunner,
    tenantSettingsCache,
    OktaOrgs,
    OktaCheckRun,
    OktaChecks,
    OktaEventHooks,
    OktaComparisons,
    NightlyOktaComparison,
    OktaMetrics,
    eraser,
    OffboardingTenantClosing,
    tenantErasures(OffboardingTenantClosing),
  ],
})
export class DeactivationWorkerModule {}
