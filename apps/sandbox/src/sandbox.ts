/** The stand-ins for Cognito, Secrets Manager and Okta, each with its own listener, all in one database schema. */
import type { FastifyInstance } from 'fastify';
import type { Database, Logger } from '#platform';
import { createCognito, type CognitoOptions } from './cognito/cognito.js';
import type { DefaultPool } from './cognito/pools.js';
import { productTriggers } from './cognito/triggers.js';
import { listen } from './listener.js';
import { createOktaListener } from './okta/admin-api.js';
import { EventHooks } from './okta/hooks/event-hooks.js';
import { createManagement } from './okta/management/api-call.js';
import { OidcProvider } from './okta/oidc/provider.js';
import { UniversalLogout } from './okta/oidc/universal-logout.js';
import { Okta } from './okta/okta.js';
import { OktaStore } from './okta/store.js';
import { createSecretsManager } from './secrets/secrets-manager.js';

export interface SandboxOptions extends CognitoOptions {
  readonly host: string;
  readonly cognitoPort: number;
  readonly secretsManagerPort: number;
  readonly oktaPort: number;
  /** Public origin of the sandbox Okta, if it differs from the listener's. */
  readonly oktaOrigin?: string | undefined;
  /** The triggers verify assertions of auth-service with these public keys (JWKS). */
  readonly assertionJwks?: string | undefined;
  readonly oktaPaceMs: number;
  readonly timeScale: number;
}

export interface Endpoints {
  readonly cognito: string;
  readonly secretsManager: string;
  readonly okta: string;
  readonly pool: DefaultPool;
}

export class Sandbox {
  private constructor(
    readonly endpoints: Endpoints,
    private readonly listeners: readonly FastifyInstance[],
    private readonly oktaEngine: Okta,
    private readonly logout: UniversalLogout,
  ) {}

  /** Starts all stand-ins. The sandbox's migrations must have run on `database`. */
  static async start(database: Database, logger: Logger, options: SandboxOptions): Promise<Sandbox> {
    const ours = options.assertionJwks ? productTriggers(options.assertionJwks, logger) : undefined;
    const cognito = await createCognito(database, logger, { ...options, triggers: options.triggers ?? ours });
    const secrets = await createSecretsManager(database, logger, options.region);
    const { oktaPaceMs: paceMs, timeScale } = options;
    const oktaEngine = new Okta(new OktaStore(database), new EventHooks(database), { paceMs, timeScale });
    const management = createManagement(database);
    let oktaOrigin = options.oktaOrigin ?? '';
    const oidc = new OidcProvider(database, management.calls, () => oktaOrigin);
    const logout = new UniversalLogout(database, oidc);
    const okta = createOktaListener({ okta: oktaEngine, management, oidc, logout }, logger);
    const endpoints = {
      cognito: await listen(cognito.app, options.host, options.cognitoPort),
      secretsManager: await listen(secrets, options.host, options.secretsManagerPort),
      okta: await listen(okta, options.host, options.oktaPort),
      pool: cognito.defaultPool,
    };
    oktaOrigin ||= endpoints.okta;
    return new Sandbox(endpoints, [cognito.app, secrets, okta], oktaEngine, logout);
  }

  async stop(): Promise<void> {
    this.logout.stop();
    await this.oktaEngine.stop();
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }
}
