/** The tenants' connections to their Okta orgs: the credentials, and clients of Okta's API. */
import { Inject, Injectable } from '@nestjs/common';
import { OktaError, OktaManagement } from '#okta';
import { CONFIG, LOGGER, Metrics, type Logger } from '#platform';
import { OktaSecrets, SecretStore, type OktaCredentials } from '#secrets';
import { TenantSettingsCache, type TenantCopy } from '#settings';
import type { WorkerConfig } from '../config.js';

export interface OktaOrg {
  readonly appId: string;
  readonly deactivateOnOffboard: boolean;
  /** Client for checks of one person. It fails with `rate_limited` instead of waiting. */
  readonly prompt: OktaManagement;
  /** Client for lists. It waits for the next window of Okta's rate limit. */
  readonly patient: OktaManagement;
}

interface Client extends OktaOrg {
  readonly apiToken: string;
}

/**
 * Time limit of one attempt to read a secret. Okta waits three seconds for the answer to an event hook, and two
 * attempts must fit into this time.
 */
const STORE_TIMEOUT_MS = 1_000;

@Injectable()
export class OktaOrgs {
  private readonly store: SecretStore;
  private readonly secrets: OktaSecrets;
  private readonly clients = new Map<string, Client>();
  private readonly listeners: ((tenant: string) => void)[] = [];
  private readonly stopping = new AbortController();

  constructor(
    private readonly settings: TenantSettingsCache,
    @Inject(CONFIG) private readonly config: WorkerConfig,
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: Metrics,
  ) {
    this.store = new SecretStore({
      region: config.AWS_REGION,
      endpoint: config.SECRETS_MANAGER_ENDPOINT,
      timeoutMs: STORE_TIMEOUT_MS,
    });
    this.secrets = new OktaSecrets({
      store: this.store,
      onStoreError: (tenant, error) =>
        logger.warn(
          { tenant, code: 'secret_store_unavailable', reason: String(error) },
          "Cannot read a tenant's Okta credentials from Secrets Manager. Checks and event hooks of this tenant wait. Check Secrets Manager and the IAM role of this service.",
        ),
    });
    settings.onChange(({ tenantId }) => this.changed(tenantId));
  }

  onModuleDestroy(): void {
    this.stopping.abort();
    this.store.close();
  }

  onChange(listener: (tenant: string) => void): void {
    this.listeners.push(listener);
  }

  /** Reads changed settings, at most every two seconds. */
  async refresh(): Promise<void> {
    await this.settings.get('');
  }

  /** An unknown slug causes no additional query. */
  async connectedBySlug(slug: string): Promise<TenantCopy | null> {
    const tenant = await this.settings.ofSlug(slug);
    return tenant?.settings.okta ? tenant : null;
  }

  /** With `renew`, reads the credentials from the secret store, unless they were read a moment ago. */
  credentials(tenant: string, renew = false): Promise<OktaCredentials | null> {
    return renew ? this.secrets.renewed(tenant) : this.secrets.get(tenant);
  }

  /**
   * Returns null if the tenant is not connected. Throws `SecretStoreUnavailable`, or an `OktaError` if the connection
   * is faulty.
   */
  async org(tenant: string): Promise<OktaOrg | null> {
    const copy = await this.settings.get(tenant);
    const okta = copy?.settings.okta;
    if (!okta) return null;
    const credentials = await this.secrets.get(tenant);
    if (credentials) return this.client(copy, okta, credentials.apiToken);
    throw new OktaError(
      'unauthorized',
      `The secret store holds no Okta API token of the tenant ${copy.slug}. Connect the tenant to Okta again.`,
    );
  }

  /**
   * Returns a client that is kept until the settings or the token change, because it knows how much of Okta's rate
   * limit is left.
   */
  private client(
    { tenantId, settings: { deactivateOnOffboard } }: TenantCopy,
    { domain, appId }: { domain: string; appId: string },
    apiToken: string,
  ): OktaOrg {
    const known = this.clients.get(tenantId);
    if (known?.apiToken === apiToken) return known;
    const { config, metrics } = this;
    const options = { domain, endpoint: config.OKTA_ENDPOINT, apiToken, metrics, signal: this.stopping.signal };
    const prompt = new OktaManagement({ ...options, maxWaitMs: 0 });
    const client = { apiToken, appId, deactivateOnOffboard, prompt, patient: new OktaManagement(options) };
    this.clients.set(tenantId, client);
    return client;
  }

  private changed(tenant: string): void {
    this.secrets.invalidate(tenant);
    this.clients.delete(tenant);
    for (const listener of this.listeners) listener(tenant);
  }
}
