import { Module } from '@nestjs/common';
import { cognitoOptions, CustomAuth } from '#cognito';
import { InternalClient, OffboardingClient } from '#contracts';
import { OidcProvider } from '#okta';
import { EventAdminModule } from '#event-bus';
import { CONFIG, Database, LOGGER, Metrics, type Logger } from '#platform';
import { secretStore } from '#secrets';
import { SettingsCopyConsumer, TenantsController, tenantSettingsCache } from '#settings';
import { TenantErasureController, tenantErasures } from '#worker';
import { AuthTenantClosing } from './accounts/tenant-closing.js';
import { AuthAuditController } from './api/audit.controller.js';
import { BrowserSessionsController } from './api/browser-sessions.controller.js';
import { ExchangeAdminController } from './api/exchange-admin.controller.js';
import { LoginController } from './api/login.controller.js';
import { TokenExchangeController } from './api/token-exchange.controller.js';
import { UniversalLogoutController } from './api/universal-logout.controller.js';
import { createSigner } from './assertion/create-signer.js';
import { assertionAudience } from './assertion/signer.js';
import { TokenIssuer } from './assertion/token-issuer.js';
import { RefusalRecorder } from './audit/refusal-recorder.js';
import type { AuthConfig } from './config.js';
import { AuthAccountsConsumer } from './consumers/accounts.consumer.js';
import { ClientAuthentication } from './exchange/client-authentication.js';
import { ExchangeClients } from './exchange/exchange-clients.js';
import { ExchangeSources } from './exchange/exchange-sources.js';
import { SpentTokens } from './exchange/spent-tokens.js';
import { SubjectTokens } from './exchange/subject-tokens.js';
import { TokenExchange } from './exchange/token-exchange.js';
import { RefusalPages } from './http/refusal-pages.js';
import { Sites } from './http/sites.js';
import { ClientSecrets } from './login/client-secrets.js';
import { LoginService } from './login/login.service.js';
import { LoginStates } from './login/login-states.js';
import { RelyingParties } from './login/relying-party.js';
import { SignIn } from './login/sign-in.js';
import { PendingSignOuts } from './logout/pending-sign-outs.js';
import { UniversalLogout } from './logout/universal-logout.js';
import { AccessTokens } from './sessions/access-tokens.js';
import { BrowserSessions } from './sessions/browser-sessions.js';
import { SessionService } from './sessions/session.service.js';
import { AuthSweeper } from './sessions/sweeper.js';

const WORKER_TIMEOUT_MS = 5_000;

@Module({
  imports: [EventAdminModule],
  controllers: [
    AuthAccountsConsumer,
    SettingsCopyConsumer,
    LoginController,
    BrowserSessionsController,
    UniversalLogoutController,
    TokenExchangeController,
    ExchangeAdminController,
    AuthAuditController,
    TenantsController,
    TenantErasureController,
  ],
  providers: [
    {
      provide: OidcProvider,
      inject: [CONFIG],
      useFactory: ({ OKTA_CUSTOM_DOMAINS: customDomains, OKTA_ISSUER_OVERRIDE: override }: AuthConfig) =>
        new OidcProvider({ customDomains, override }),
    },
    secretStore,
    {
      provide: CustomAuth,
      inject: [CONFIG, Database, Metrics],
      useFactory: (config: AuthConfig, database: Database, metrics: Metrics) =>
        new CustomAuth({
          ...cognitoOptions(config, database, metrics),
          clientId: config.COGNITO_CLIENT_ID,
          clientSecret: config.COGNITO_CLIENT_SECRET,
        }),
    },
    {
      provide: TokenIssuer,
      inject: [CONFIG, CustomAuth, LOGGER],
      useFactory: async (config: AuthConfig, cognito: CustomAuth, logger: Logger) => {
        const audience = assertionAudience(config.COGNITO_USER_POOL_ID, config.COGNITO_CLIENT_ID);
        return new TokenIssuer(cognito, await createSigner('auth-service', config), audience, logger);
      },
    },
    {
      provide: OffboardingClient,
      inject: [CONFIG],
      useFactory: ({ DEACTIVATION_WORKER_URL: url, INTERNAL_API_CREDENTIAL: token }: AuthConfig) =>
        new OffboardingClient(
          new InternalClient({ service: 'deactivation-worker', url, token, timeoutMs: WORKER_TIMEOUT_MS }),
        ),
    },
    tenantSettingsCache,
    Sites,
    RefusalRecorder,
    RefusalPages,
    ClientSecrets,
    RelyingParties,
    LoginStates,
    LoginService,
    SignIn,
    BrowserSessions,
    AccessTokens,
    SessionService,
    AuthSweeper,
    SpentTokens,
    ExchangeClients,
    ExchangeSources,
    ClientAuthentication,
    SubjectTokens,
    TokenExchange,
    PendingSignOuts,
    UniversalLogout,
    AuthTenantClosing,
    tenantErasures(AuthTenantClosing),
  ],
})
export class AuthServiceModule {}
