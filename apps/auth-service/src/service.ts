import { createBus } from '#event-bus';
import { ProblemFilter, type ServiceDefinition } from '#platform';
import { TenantSettingsEntity } from '#settings';
import { AccountCopyEntity, ExpectedPersonEntity } from './accounts/account-copy.entity.js';
import { AuthAuditEntity } from './audit/auth-audit.entity.js';
import { AuthServiceModule } from './auth-service.module.js';
import { config } from './config.js';
import { ExchangeClientEntity, ExchangeSourceEntity } from './exchange/exchange.entity.js';
import { SpentTokenEntity } from './exchange/spent-tokens.js';
import { Auth1764300000000 } from './migrations/0001-auth.js';
import { BrowserSessionEntity, SessionSecretEntity } from './sessions/browser-session.entity.js';

/** Headers of every response. */
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
  summary: 'Signs people in through Okta, obtains Cognito tokens for them, and stores their sessions.',
  config,
  database: {
    schema: 'auth',
    migrations: [Auth1764300000000],
    entities: [
      TenantSettingsEntity,
      AccountCopyEntity,
      ExpectedPersonEntity,
      BrowserSessionEntity,
      SessionSecretEntity,
      ExchangeClientEntity,
      ExchangeSourceEntity,
      SpentTokenEntity,
      AuthAuditEntity,
    ],
  },
  module: () => AuthServiceModule,
  fastify: { bodyLimit: BODY_BYTES },
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
  strategies: (platform) => {
    const bus = createBus(platform.config, platform);
    // A consumer group of its own: no lag and no failing handler of the others may delay the end of access.
    return [
      bus.strategy('auth-service-access', { pureHandlers: true, topics: ['identity.access'] }),
      bus.strategy('auth-service', { pureHandlers: true, except: ['identity.access'] }),
    ];
  },
};
