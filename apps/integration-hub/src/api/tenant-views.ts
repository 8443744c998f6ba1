import { Inject, Injectable } from '@nestjs/common';
import type { HubTenant, SettingsView, TenantAddresses, TenantChanged, TenantWarning } from '#contracts';
import type { TenantSettings } from '#events';
import { CONFIG, Database } from '#platform';
import { brakeOf, commonOriginOwner } from '#settings';
import type { HubConfig } from '../config.js';
import { TenantEntity } from '../settings/tenant.entity.js';
import type { TenantResult } from '../settings/tenant.store.js';
import type { Tenant } from '../settings/tenant.sql.js';

const SCIM_PATH = '/prod/api/scim/v2';

/** Builds the responses of the internal API, with the addresses that an administrator enters in Okta. */
@Injectable()
export class TenantViews {
  private readonly commonOrigin: string;

  constructor(
    private readonly database: Database,
    @Inject(CONFIG) config: Pick<HubConfig, 'PUBLIC_ORIGIN'>,
  ) {
    this.commonOrigin = new URL(config.PUBLIC_ORIGIN).origin;
  }

  async one(tenant: Tenant): Promise<HubTenant> {
    const [view] = await this.all([tenant]);
    return view as HubTenant;
  }

  async all(tenants: readonly Tenant[]): Promise<HubTenant[]> {
    const all = await this.database.repository(TenantEntity).find({ select: { slug: true, host: true } });
    const owner = commonOriginOwner(all)?.slug ?? null;
    return tenants.map((tenant) => this.view(tenant, owner));
  }

  async changed({ tenant, changed, published }: TenantResult): Promise<TenantChanged> {
    return { tenant: await this.one(tenant), changed: [...changed], published };
  }

  private view(tenant: Tenant, owner: string | null): HubTenant {
    const { id, slug, host, version, createdAt, changedAt, changedBy } = tenant;
    const signIn = host !== null || owner === slug;
    return {
      id,
      slug,
      host,
      version,
      settings: settingsView(tenant.settings),
      addresses: addresses(tenant, host === null ? this.commonOrigin : `https://${host}`, signIn),
      warnings: signIn ? [] : [this.signInNeedsHost(owner)],
      createdAt,
      changedAt,
      changedBy,
    };
  }

  private signInNeedsHost(owner: string | null): TenantWarning {
    return { code: 'sign_in_needs_host', parameters: { origin: this.commonOrigin, owner } };
  }
}

/** The common origin serves SCIM requests and event hooks of all tenants, but sign-in of one tenant at most. */
const addresses = ({ slug }: Tenant, origin: string, signIn: boolean): TenantAddresses => ({
  scimBaseUrl: `${origin}${SCIM_PATH}`,
  eventHookUrl: `${origin}/auth/okta/event-hook/${slug}`,
  redirectUri: signIn ? `${origin}/auth/okta/callback` : null,
  loginUri: signIn ? `${origin}/auth/okta/login` : null,
  postLogoutUri: signIn ? `${origin}/` : null,
  universalLogoutUri: signIn ? `${origin}/auth/okta/universal-logout` : null,
});

const settingsView = (settings: TenantSettings): SettingsView => ({
  scimEnabled: settings.scimEnabled,
  groupSync: settings.groupSync,
  deactivateOnOffboard: settings.deactivateOnOffboard,
  roles: settings.roles,
  roleMappings: settings.roleMappings,
  brake: brakeOf(settings),
  okta: settings.okta ?? null,
  sso: settings.sso ?? null,
  scimToken: settings.scimToken,
});
