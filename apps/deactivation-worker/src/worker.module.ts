/** deactivation-worker: one module, its parts in the order in which an offboarding passes through them. */
import { Module, type DynamicModule } from '@nestjs/common';
import { QuotaGate, UserPool } from '#cognito';
import { Outbox, Sequencer, createBus } from '#event-bus';
import type { PlatformContext } from '#platform';
import { TenantsController } from '#settings';
import { API_CONTROLLERS, API_PROVIDERS } from './api/index.js';
import { Admission } from './cases/admission.js';
import type { WorkerConfig } from './config.js';
import { Runner } from './doors/runner.js';
import { oktaParts } from './okta/index.js';
import { AccountsController } from './people/accounts.controller.js';
import { People } from './people/people.js';
import { SettingsController } from './people/settings.controller.js';
import { SignOuts } from './people/sign-out.js';
import { Signals } from './people/signal.js';
import { UsersController } from './people/users.controller.js';
import { Wake } from './wake.js';

export const SCHEMA = 'offboarding';
export const CONSUMER_GROUP = 'deactivation-worker';

@Module({})
export class WorkerModule {
  static forPlatform(platform: PlatformContext<WorkerConfig>): DynamicModule {
    const parts = createParts(platform);
    const okta = oktaParts(platform, {
      signals: parts.signals,
      leaseSeconds: platform.config.WORKER_LEASE_SECONDS,
    });
    return {
      module: WorkerModule,
      controllers: [
        UsersController,
        AccountsController,
        SettingsController,
        TenantsController,
        ...API_CONTROLLERS,
        ...okta.controllers,
      ],
      providers: [
        ...parts.provided.map(([provide, useValue]) => ({ provide, useValue })),
        ...API_PROVIDERS,
        ...okta.providers,
      ],
    };
  }
}

/** Built by hand, so that what depends on what can be read here; Nest runs their lifecycle hooks. */
function createParts(platform: PlatformContext<WorkerConfig>) {
  const { database, logger, metrics, config } = platform;
  const wake = new Wake();
  const outbox = new Outbox(SCHEMA, '/stackflow/deactivation-worker');
  const sequencer = createBus(config, platform).sequencer(SCHEMA);
  outbox.onStored(() => sequencer.wake());
  const people = new People(outbox, wake);
  const signals = new Signals(people);
  const admission = new Admission({ database, outbox, wake, logger, metrics });
  const quota = new QuotaGate({ database, metrics, quotas: config.COGNITO_QUOTAS, share: config.COGNITO_QUOTA_SHARE });
  const pool = new UserPool({
    region: config.AWS_REGION,
    userPoolId: config.COGNITO_USER_POOL_ID,
    endpoint: config.COGNITO_ENDPOINT,
    quota,
    signOutCategory: config.COGNITO_SIGN_OUT_CATEGORY,
    metrics,
    maxSockets: config.WORKER_CONCURRENCY + 8,
  });
  const runner = new Runner({
    database,
    pool,
    outbox,
    logger,
    metrics,
    concurrency: config.WORKER_CONCURRENCY,
    leaseSeconds: config.WORKER_LEASE_SECONDS,
  });
  wake.on('run', () => runner.poke());
  wake.on('admit', () => admission.poke());
  const provided = [
    [Wake, wake],
    [Sequencer, sequencer],
    [People, people],
    [Signals, signals],
    [SignOuts, new SignOuts(database, outbox, wake)],
    [Admission, admission],
    [UserPool, pool],
    [Runner, runner],
  ] as const;
  return { signals, provided };
}
