/** What deactivation-worker is; `main.ts` runs it, tests start it in process. */
import { createBus } from '#event-bus';
import { ProblemFilter, sendProblem, toProblem, type ServiceDefinition } from '#platform';
import { config } from './config.js';
import { migrations } from './migrations/index.js';
import { CONSUMER_GROUP, SCHEMA, WorkerModule } from './worker.module.js';

export const service: ServiceDefinition<typeof config> = {
  name: 'deactivation-worker',
  summary: 'Takes access away, gives it back, and keeps the evidence of both.',
  config,
  database: { schema: SCHEMA, migrations },
  module: (platform) => WorkerModule.forPlatform(platform),
  fastify: { frameworkErrors: (error, _request, reply) => sendProblem(reply, toProblem(error)) },
  configure: (app, { logger }) => void app.useGlobalFilters(new ProblemFilter(logger)),
  strategies: (platform) => [createBus(platform.config, platform).strategy(CONSUMER_GROUP, { pureHandlers: true })],
};
