/** What auth-service is; `main.ts` runs it, tests start it in process. */
import { createBus } from '#event-bus';
import { ProblemFilter, sendProblem, toProblem, type ServiceDefinition } from '#platform';
import { AuthModule, CONSUMER_GROUP, SCHEMA } from './auth.module.js';
import { config } from './config.js';
import { migrations } from './migrations/index.js';

/** For every answer. Nothing of a login or a session belongs into a cache, a frame or another site's `Referer`. */
const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const BODY_BYTES = 64 * 1024;

export const service: ServiceDefinition<typeof config> = {
  name: 'auth-service',
  summary: 'Signs people in through Okta, exchanges that for Cognito tokens, and keeps their sessions.',
  config,
  database: { schema: SCHEMA, migrations },
  module: (platform) => AuthModule.forPlatform(platform),
  fastify: { bodyLimit: BODY_BYTES, frameworkErrors: (error, _request, reply) => sendProblem(reply, toProblem(error)) },
  configure(app, { logger }) {
    app.useGlobalFilters(new ProblemFilter(logger));
    const server = app.getHttpAdapter().getInstance();
    server.addContentTypeParser<string>(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      (_request, body, done) => done(null, new URLSearchParams(body)),
    );
    server.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS));
  },
  strategies: (platform) => [createBus(platform.config, platform).strategy(CONSUMER_GROUP, { pureHandlers: true })],
};
