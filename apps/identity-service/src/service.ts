/** What identity-service is; `main.ts` runs it, tests start it in process. */
import { createBus } from '#event-bus';
import type { ServiceDefinition } from '#platform';
import { config } from './config.js';
import { CONSUMER_GROUP, IdentityModule, SCHEMA } from './identity.module.js';
import { migrations } from './migrations/index.js';

export const service: ServiceDefinition<typeof config> = {
  name: 'identity-service',
  summary: 'Turns directory events into accounts and roles, and keeps Cognito equal to them.',
  config,
  database: { schema: SCHEMA, migrations },
  module: (platform) => IdentityModule.forPlatform(platform),
  strategies: (platform) => [createBus(platform.config, platform).strategy(CONSUMER_GROUP)],
};
