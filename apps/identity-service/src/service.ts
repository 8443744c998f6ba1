/** What identity-service is; `main.ts` runs it, tests start it in process. */
import { createBus } from '#event-bus';
import { ProblemFilter, sendProblem, toProblem, type ServiceDefinition } from '#platform';
import { config } from './config.js';
import { CONSUMER_GROUP, IdentityModule, SCHEMA } from './identity.module.js';
import { migrations } from './migrations/index.js';

export const service: ServiceDefinition<typeof config> = {
  name: 'identity-service',
  summary: 'Turns directory events into accounts and roles, and keeps Cognito equal to them.',
  config,
  database: { schema: SCHEMA, migrations },
  module: (platform) => IdentityModule.forPlatform(platform),
  // Also what no controller answers is a problem: unknown routes, bodies that cannot be read, and (before any routing) URLs.
  fastify: { frameworkErrors: (error, _request, reply) => sendProblem(reply, toProblem(error)) },
  configure: (app, { logger }) => void app.useGlobalFilters(new ProblemFilter(logger)),
  strategies: (platform) => [createBus(platform.config, platform).strategy(CONSUMER_GROUP, { pureHandlers: true })],
};
