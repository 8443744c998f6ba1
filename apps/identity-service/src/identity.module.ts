/** identity-service: one module, its parts in the order in which a push passes through them. */
import { Module, type DynamicModule } from '@nestjs/common';
import { QuotaGate, UserPool } from '#cognito';
import { createBus, Outbox, Sequencer } from '#event-bus';
import type { PlatformContext } from '#platform';
import { TenantsController } from '#settings';
import { AccessController } from './access/access.controller.js';
import { CasesController } from './access/cases.controller.js';
import { AccountsController } from './api/accounts.controller.js';
import { AccountQueries } from './api/account-queries.js';
import { HeldRoleLossesController } from './api/held-role-losses.controller.js';
import { ReconcileController } from './api/reconcile.controller.js';
import { RepublishController } from './api/republish.controller.js';
import type { IdentityConfig } from './config.js';
import { GroupsController } from './directory/groups.controller.js';
import { SettingsController } from './directory/settings.controller.js';
import { UsersController } from './directory/users.controller.js';
import { PoolCompare } from './reconcile/compare.js';
import { Reconciler } from './reconcile/reconciler.js';
import { Evaluator } from './roles/evaluator.js';
import { HeldLosses } from './roles/held-losses.js';
import { LossBrake } from './roles/loss-brake.js';
import { PersonEvaluator } from './roles/person-evaluator.js';
import { Reevaluator } from './roles/reevaluator.js';
import { Wake } from './wake.js';

export const SCHEMA = 'identity';
export const CONSUMER_GROUP = 'identity-service';

@Module({})
export class IdentityModule {
  static forPlatform(platform: PlatformContext<IdentityConfig>): DynamicModule {
    const parts = createParts(platform);
    return {
      module: IdentityModule,
      controllers: [
        UsersController,
        GroupsController,
        SettingsController,
        AccessController,
        CasesController,
        TenantsController,
        AccountsController,
        HeldRoleLossesController,
        ReconcileController,
        RepublishController,
      ],
      providers: [...parts.map(([provide, useValue]) => ({ provide, useValue })), AccountQueries],
    };
  }
}

/** Built by hand, so that what depends on what can be read here; Nest runs their lifecycle hooks. */
function createParts(platform: PlatformContext<IdentityConfig>) {
  const { database, logger, metrics, config } = platform;
  const wake = new Wake();
  const outbox = new Outbox(SCHEMA, '/stackflow/identity-service');
  const sequencer = createBus(config, platform).sequencer(SCHEMA);
  outbox.onStored(() => sequencer.wake());
  const quota = new QuotaGate({ database, metrics, quotas: config.COGNITO_QUOTAS, share: config.COGNITO_QUOTA_SHARE });
  const pool = new UserPool({
    region: config.AWS_REGION,
    userPoolId: config.COGNITO_USER_POOL_ID,
    endpoint: config.COGNITO_ENDPOINT,
    quota,
    metrics,
    maxSockets: config.RECONCILER_CONCURRENCY + 8,
  });
  const leaseSeconds = config.RECONCILER_LEASE_SECONDS;
  const evaluator = new Evaluator(outbox, new LossBrake(logger, metrics));
  const heldLosses = new HeldLosses({ database, logger, metrics, asked: () => wake.reevaluate() });
  const reevaluator = new Reevaluator(database, evaluator, logger, () => wake.reconcile());
  const reconciler = new Reconciler({
    database,
    pool,
    outbox,
    logger,
    metrics,
    concurrency: config.RECONCILER_CONCURRENCY,
    leaseSeconds,
  });
  const compare = new PoolCompare({
    database,
    pool,
    logger,
    leaseSeconds,
    workerId: reconciler.workerId,
    marked: () => wake.reconcile(),
  });
  wake.on('reevaluate', () => reevaluator.poke());
  wake.on('reconcile', () => reconciler.poke());
  return [
    [Wake, wake],
    [Outbox, outbox],
    [UserPool, pool],
    [Sequencer, sequencer],
    [PersonEvaluator, new PersonEvaluator(evaluator, wake)],
    [Reevaluator, reevaluator],
    [HeldLosses, heldLosses],
    [Reconciler, reconciler],
    [PoolCompare, compare],
  ] as const;
}
