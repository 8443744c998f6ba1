/** auth-service: one module, its parts in the order in which a login passes through them. */
import { Module, type DynamicModule } from '@nestjs/common';
import { CustomAuth, QuotaGate } from '#cognito';
import { OidcProvider } from '#okta';
import type { PlatformContext } from '#platform';
import { SecretStore } from '#secrets';
import { TenantsController } from '#settings';
import { AccountsController } from './accounts/accounts.controller.js';
import { createSigner } from './assertion/create-signer.js';
import { assertionAudience, type AssertionSigner } from './assertion/signer.js';
import type { AuthConfig } from './config.js';
import { AuditBudget } from './http/audit-budget.js';
import { Refuser } from './http/refuser.js';
import { ClientSecrets } from './login/client-secrets.js';
import { LoginController } from './login/login.controller.js';
import { LoginService } from './login/login.service.js';
import { LoginStates } from './login/login-states.js';
import { RelyingParties } from './login/relying-party.js';
import { SignIn } from './login/sign-in.js';
import { SignOuts } from './logout/sign-outs.js';
import { UniversalLogout } from './logout/universal-logout.js';
import { UniversalLogoutController } from './logout/universal-logout.controller.js';
import { WorkerApi } from './logout/worker-api.js';
import { ClientAuthentication } from './obo/client-authentication.js';
import { Clients } from './obo/clients.js';
import { ClientsController } from './obo/clients.controller.js';
import { Exchange } from './obo/exchange.js';
import { OboController } from './obo/obo.controller.js';
import { Registry } from './obo/registry.js';
import { SubjectTokens } from './obo/subject-tokens.js';
import { AccessTokens } from './sessions/access-tokens.js';
import { Sealer } from './sessions/seal.js';
import { SessionService } from './sessions/session.service.js';
import { Sessions } from './sessions/sessions.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { Sweeper } from './sessions/sweeper.js';
import { Sites } from './sites.js';
import { SpentTokens } from './spent.js';

export const SCHEMA = 'auth';
export const CONSUMER_GROUP = 'auth-service';
const GRACE_SECONDS = 30;

@Module({})
export class AuthModule {
  static async forPlatform(platform: PlatformContext<AuthConfig>): Promise<DynamicModule> {
    const parts = createParts(platform, await createSigner(platform.service, platform.config));
    return {
      module: AuthModule,
      controllers: [
        AccountsController,
        LoginController,
        SessionsController,
        OboController,
        ClientsController,
        UniversalLogoutController,
        TenantsController,
      ],
      providers: [
        ...parts.map(([provide, useValue]) => ({ provide, useValue })),
        Sites,
        LoginService,
        AuditBudget,
        Refuser,
      ],
    };
  }
}

/** Built by hand, so that what depends on what can be read here; Nest runs their lifecycle hooks. */
function createParts(platform: PlatformContext<AuthConfig>, signer: AssertionSigner) {
  const { database, logger, config } = platform;
  const { SESSION_HOURS: hours, SESSION_IDLE_MINUTES: idleMinutes } = config;
  const provider = new OidcProvider({
    customDomains: config.OKTA_CUSTOM_DOMAINS,
    override: config.OKTA_ISSUER_OVERRIDE,
  });
  const store = new SecretStore({ region: config.AWS_REGION, endpoint: config.SECRETS_MANAGER_ENDPOINT });
  const secrets = new ClientSecrets(store);
  const cognito = createCognito(platform);
  const audience = assertionAudience(config.COGNITO_USER_POOL_ID, config.COGNITO_CLIENT_ID);
  const sessions = new Sessions(database, new Sealer(config.SESSION_KEYS), {
    hours,
    idleMinutes,
    graceSeconds: GRACE_SECONDS,
  });
  const tokens = new AccessTokens(cognito, signer, audience, sessions);
  const clients = new Clients(database);
  const spent = new SpentTokens(database);
  const subjects = new SubjectTokens(provider, secrets, clients);
  const worker = new WorkerApi(config.DEACTIVATION_WORKER_URL, config.INTERNAL_API_TOKEN);
  const signOuts = new SignOuts(database, logger, worker);
  return [
    [OidcProvider, provider],
    [Clients, clients],
    [Registry, new Registry(database)],
    [ClientAuthentication, new ClientAuthentication(clients, spent)],
    [Exchange, new Exchange({ database, logger, cognito, signer, audience, subjects, spent })],
    [SignOuts, signOuts],
    [UniversalLogout, new UniversalLogout({ database, provider, spent, signOuts })],
    [ClientSecrets, secrets],
    [RelyingParties, new RelyingParties(provider, secrets, config)],
    [LoginStates, new LoginStates(database)],
    [CustomAuth, cognito],
    [SignIn, new SignIn({ database, logger, cognito, signer, audience, sessions, tokens })],
    [SessionService, new SessionService({ database, logger, sessions, tokens, cognito, provider })],
    [Sweeper, new Sweeper(database, logger, { idleMinutes, auditDays: config.AUDIT_RETENTION_DAYS })],
  ] as const;
}

function createCognito({ database, metrics, config }: PlatformContext<AuthConfig>): CustomAuth {
  return new CustomAuth({
    region: config.AWS_REGION,
    userPoolId: config.COGNITO_USER_POOL_ID,
    endpoint: config.COGNITO_ENDPOINT,
    clientId: config.COGNITO_CLIENT_ID,
    clientSecret: config.COGNITO_CLIENT_SECRET,
    quota: new QuotaGate({ database, metrics, quotas: config.COGNITO_QUOTAS, share: config.COGNITO_QUOTA_SHARE }),
    metrics,
  });
}
