import { createBus } from '#event-bus';
import { ProblemFilter, type ServiceDefinition } from '#platform';
import { TenantSettingsEntity } from '#settings';
import { PersonEntity } from './access/person.entity.js';
import { CaseEntity } from './cases/case.entity.js';
import { config } from './config.js';
import { DeactivationWorkerModule, SERVICE } from './deactivation-worker.module.js';
import { Offboarding1764200000000 } from './migrations/0001-offboarding.js';
import { OktaCheckEntity } from './okta/checks/check.entity.js';
import { OktaComparisonEntity } from './okta/comparison/comparison.entity.js';
import { OktaHintEntity } from './okta/hooks/hint.entity.js';

export const service: ServiceDefinition<typeof config> = {
  name: SERVICE,
  summary: 'Takes access away, gives it back, and keeps the evidence of both.',
  config,
  database: {
    schema: 'offboarding',
    migrations: [Offboarding1764200000000],
    entities: [PersonEntity, CaseEntity, OktaHintEntity, OktaCheckEntity, OktaComparisonEntity, TenantSettingsEntity],
  },
  module: () => DeactivationWorkerModule,
  configure: (app, { logger }) => void app.useGlobalFilters(new ProblemFilter(logger)),
  strategies: (platform) => {
    const bus = createBus(platform.config, platform);
    // A consumer group of its own: no lag and no failing handler of the others may delay the end of access.
    return [
      bus.strategy(`${SERVICE}-access`, { pureHandlers: true, topics: ['directory.access'] }),
      bus.strategy(SERVICE, { pureHandlers: true, except: ['directory.access'] }),
    ];
  },
};
