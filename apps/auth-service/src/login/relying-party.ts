/** What a tenant's settings, its secret and its provider's metadata make together: our side of a login. */
import { OidcError, OidcProvider } from '#okta';
import type { PlatformContext } from '#platform';
import { SecretStoreUnavailable } from '#secrets';
import type { AuthConfig } from '../config.js';
import { LoginRefused, refusalOfOidc } from '../http/refusals.js';
import type { Site } from '../sites.js';
import type { ClientSecrets } from './client-secrets.js';
import type { RelyingParty } from './hardened-strategy.js';

export const CALLBACK_PATH = '/auth/okta/callback';

export class RelyingParties {
  constructor(
    private readonly provider: OidcProvider,
    private readonly secrets: ClientSecrets,
    private readonly config: Pick<
      PlatformContext<AuthConfig>['config'],
      'SSO_MAX_AUTH_AGE_MINUTES' | 'SSO_REQUIRE_MFA'
    >,
  ) {}

  /** Rejects with `LoginRefused`. */
  async of({ tenant, origin }: Site): Promise<RelyingParty> {
    const { sso } = tenant.settings;
    if (!sso) throw new LoginRefused('sso_not_configured');
    try {
      const [clientSecret, metadata] = await Promise.all([
        this.secrets.of(tenant.tenantId),
        this.provider.discover(sso.issuer),
      ]);
      if (clientSecret === null) throw new LoginRefused('sso_not_configured');
      const { SSO_MAX_AUTH_AGE_MINUTES: minutes, SSO_REQUIRE_MFA: requireMfa } = this.config;
      return {
        provider: this.provider,
        issuer: sso.issuer,
        metadata,
        client: { clientId: sso.clientId, clientSecret },
        redirectUri: origin + CALLBACK_PATH,
        maxAge: minutes > 0 ? minutes * 60 : undefined,
        requireMfa,
      };
    } catch (error) {
      throw this.refusal(error, tenant.tenantId);
    }
  }

  /** What stopped a login, in the words of the page. Anything unexpected is returned as it is. */
  refusal(error: unknown, tenantId: string): unknown {
    if (error instanceof SecretStoreUnavailable) return new LoginRefused('exchange_unavailable', {}, { cause: error });
    if (!(error instanceof OidcError)) return error;
    // Perhaps it was replaced in Okta and here since.
    if (error.code === 'client_refused') this.secrets.forget(tenantId);
    return new LoginRefused(refusalOfOidc(error.code), { oidc: error.code }, { cause: error });
  }

  onApplicationShutdown(): void {
    this.provider.close();
  }
}
