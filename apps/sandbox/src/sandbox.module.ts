import { Controller, Get, Inject, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CONFIG, Database, Health, LOGGER, type ConfigOf, type Logger } from '#platform';
import type { sandboxSettings } from './config.js';
import { Sandbox, type Endpoints } from './sandbox.js';

/** Starts the stand-ins before the service itself listens, so that all stand-ins listen when the service is ready. */
@Controller('sandbox')
class SandboxController implements OnModuleInit, OnModuleDestroy {
  private sandbox: Sandbox | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: ConfigOf<typeof sandboxSettings>,
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly health: Health,
  ) {}

  async onModuleInit(): Promise<void> {
    const { config, logger } = this;
    if (!['127.0.0.1', '::1', 'localhost'].includes(config.HOST))
      logger.warn(
        { host: config.HOST },
        'The sandbox has no authentication, and HOST is not a loopback address. Anybody who reaches the sandbox can use it. Set HOST to 127.0.0.1.',
      );
    this.sandbox = await Sandbox.start(this.database, logger, {
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
    logger.info(this.sandbox.endpoints, 'The stand-ins listen.');
    this.health.add('ready', 'stand-ins', () =>
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

@Module({ controllers: [SandboxController] })
export class SandboxModule {}
