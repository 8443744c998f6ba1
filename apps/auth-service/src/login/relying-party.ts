/** Combines a tenant's settings, its client secret and the provider's metadata into the data of a login. */
import { Inject, Injectable } from '@nestjs/common';
import { OidcError, OidcProvider } from '#okta';
import { CONFIG } from '#platform';
import { SecretStoreUnavailable } from '#secrets';
import type { AuthConfig } from '../config.js';
import { LoginRefused, refusalOfOidc } from '../http/refusals.js';
import type { Site } from '../http/sites.js';
import { ClientSecrets } from './client-secrets.js';
import type { RelyingParty } from './hardened-strategy.js';

const CALLBACK_PATH = '/auth/okta/callback';

@Injectable()
export class RelyingParties {
  constructor(
    private readonly provider: OidcProvider,
    private readonly secrets: ClientSecrets,
    @Inject(CONFIG) private readonly config: Pick<AuthConfig, 'SSO_MAX_AUTH_AGE_MINUTES' | 'SSO_REQUIRE_MFA'>,
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

  /** Converts a failure of Okta or the secret store into a `LoginRefused`. Returns any other error unchanged. */
  refusal(error: unknown, tenantId: string): unknown {
    if (error instanceof SecretStoreUnavailable) return new LoginRefused('exchange_unavailable', {}, { cause: error });
    if (!(error instanceof OidcError)) return error;
    // The secret may have been replaced in Okta and in the store after we read it.
    if (error.code === 'client_refused') this.secrets.forget(tenantId);
    return new LoginRefused(refusalOfOidc(error.code), { oidc: error.code }, { cause: error });
  }

  onApplicationShutdown(): void {
    this.provider.close();
  }
}
