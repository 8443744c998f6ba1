/**
 * All stand-ins of one process: Cognito, Secrets Manager and Okta, each on a listener of its own, with their state in
 * one schema. Product code reaches them through configured endpoints only.
 */
import type { FastifyInstance } from 'fastify';
import type { Database, Logger } from '#platform';
import { createCognito } from './cognito/cognito.js';
import type { DefaultPool } from './cognito/pools.js';
import type { Quotas, SignOutCategory } from './cognito/quotas.js';
import { productTriggers, type Triggers } from './cognito/triggers.js';
import { listen } from './listener.js';
import { createOktaListener } from './okta/admin-api.js';
import { EventHooks } from './okta/hooks/event-hooks.js';
import { createManagement } from './okta/management/api-call.js';
import { OidcProvider } from './okta/oidc/provider.js';
import { UniversalLogout } from './okta/oidc/universal-logout.js';
import { Okta } from './okta/okta.js';
import { OktaStore } from './okta/store.js';
import { createSecretsManager } from './secrets/secrets-manager.js';

export interface SandboxOptions {
  readonly host: string;
  readonly cognitoPort: number;
  readonly secretsManagerPort: number;
  readonly oktaPort: number;
  /** Scheme and host of the sandbox Okta for browsers and services, if they differ from the listener's. */
  readonly oktaOrigin?: string | undefined;
  readonly region: string;
  readonly quotas: Quotas;
  /** Quota category of Cognito's sign-outs; UserUpdate by default. */
  readonly signOutCategory?: SignOutCategory | undefined;
  readonly customAttributes: readonly string[];
  /** Public keys of auth-service, JWKS JSON. The product's triggers verify assertions with them. */
  readonly assertionJwks?: string | undefined;
  /** Replaces the product's triggers. */
  readonly triggers?: Triggers | undefined;
  readonly triggerLimitMs?: number | undefined;
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

  /** `database` must have the sandbox's migrations. */
  static async start(database: Database, logger: Logger, options: SandboxOptions): Promise<Sandbox> {
    const cognito = await createCognito(database, logger, {
      region: options.region,
      quotas: options.quotas,
      signOutCategory: options.signOutCategory,
      customAttributes: options.customAttributes,
      triggers:
        options.triggers ?? (options.assertionJwks ? productTriggers(options.assertionJwks, logger) : undefined),
      triggerLimitMs: options.triggerLimitMs,
    });
    const secrets = await createSecretsManager(database, logger, options.region);
    const oktaEngine = new Okta(new OktaStore(database), new EventHooks(database), {
      paceMs: options.oktaPaceMs,
      timeScale: options.timeScale,
    });
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
