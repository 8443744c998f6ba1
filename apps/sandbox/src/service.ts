/** The sandbox as a service: health and metrics like all services, and the addresses of its listeners. */
import { Controller, Get, Inject, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { PLATFORM, type ConfigOf, type PlatformContext, type ServiceDefinition } from '#platform';
import { sandboxSettings } from './config.js';
import { sandboxMigrations } from './migrations.js';
import { Sandbox, type Endpoints } from './sandbox.js';

type Config = ConfigOf<typeof sandboxSettings>;

/** Starts the listeners before the service itself listens, so that "ready" covers all of them. */
@Controller('sandbox')
class SandboxController implements OnModuleInit, OnModuleDestroy {
  private sandbox: Sandbox | undefined;

  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext<Config>) {}

  async onModuleInit(): Promise<void> {
    const { config, database, logger, health } = this.platform;
    if (config.HOST !== '127.0.0.1' && config.HOST !== '::1' && config.HOST !== 'localhost') {
      logger.warn({ host: config.HOST }, 'The sandbox has no authentication and does not listen on loopback only: anybody who reaches it can use it. Set HOST to 127.0.0.1.');
    }
    this.sandbox = await Sandbox.start(database, logger, {
      host: config.HOST,
      cognitoPort: config.COGNITO_PORT,
      secretsManagerPort: config.SECRETS_MANAGER_PORT,
      oktaPort: config.OKTA_PORT,
      oktaOrigin: config.SANDBOX_OKTA_ORIGIN?.replace(/\/+$/, ''),
      region: config.AWS_REGION,
      quotas: config.SANDBOX_COGNITO_QUOTAS,
      signOutCategory: config.SANDBOX_SIGN_OUT_CATEGORY,
      customAttributes: config.SANDBOX_COGNITO_ATTRIBUTES,
      assertionJwks: config.ASSERTION_JWKS,
      oktaPaceMs: config.SANDBOX_OKTA_PACE,
      timeScale: config.SANDBOX_TIME_SCALE,
    });
    logger.info(this.sandbox.endpoints, 'stand-ins listening');
    health.add('ready', 'stand-ins', () =>
      this.sandbox ? Promise.resolve() : Promise.reject(new Error('not started')),
    );
  }

  async onModuleDestroy(): Promise<void> {
    await this.sandbox?.stop();
  }

  @Get('endpoints')
  endpoints(): Endpoints | undefined {
    return this.sandbox?.endpoints;
  }
}

class SandboxModule {}

export const sandboxService: ServiceDefinition<typeof sandboxSettings> = {
  name: 'sandbox',
  summary: 'stand-ins for Okta, Cognito and Secrets Manager; for local runs and tests only',
  config: sandboxSettings,
  database: { schema: 'sandbox', migrations: sandboxMigrations },
  module: (): DynamicModule => ({ module: SandboxModule, controllers: [SandboxController] }),
};
