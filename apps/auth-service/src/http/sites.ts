/**
 * Finds the tenant of a request by its `Host` header. Links are built from settings, never from the request, so a
 * forged header can only select another tenant.
 */
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '#platform';
import { commonOriginOwner, hostName, TenantSettingsCache, type TenantCopy } from '#settings';
import type { AuthConfig } from '../config.js';
import { ClientSecrets } from '../login/client-secrets.js';

export interface Site {
  readonly tenant: TenantCopy;
  /** The origin without a trailing slash. */
  readonly origin: string;
}

@Injectable()
export class Sites {
  private readonly publicOrigin: URL;

  constructor(
    private readonly tenants: TenantSettingsCache,
    @Inject(CONFIG) config: AuthConfig,
    clientSecrets: ClientSecrets,
  ) {
    this.publicOrigin = new URL(config.PUBLIC_ORIGIN);
    // A new client secret always increments the version of the tenant's settings, so this callback discards the old
    // secret.
    tenants.onChange(({ tenantId }) => clientSecrets.forget(tenantId));
  }

  async ofTenant(tenantId: string): Promise<Site | null> {
    const tenant = await this.tenants.get(tenantId);
    return tenant && this.site(tenant);
  }

  /** Finds the tenant of a `Host` header, with or without a port. Returns null if no tenant has this host name. */
  async ofHost(host = ''): Promise<Site | null> {
    const owners = await this.tenants.ofHost(host);
    // While a host name moves between tenants, both may have it for a moment. A request then belongs to neither.
    if (owners.length > 0) return owners.length === 1 && owners[0] ? this.site(owners[0]) : null;
    const tenant = this.withoutHost(await this.tenants.all(), hostName(host));
    return tenant && this.site(tenant);
  }

  /**
   * Returns the tenant for a host name that no tenant has as its own. PUBLIC_ORIGIN belongs to the default tenant. All
   * other host names belong to the only tenant, if there is only one.
   */
  private withoutHost(all: readonly TenantCopy[], name: string): TenantCopy | null {
    const isCommon = name === this.publicOrigin.hostname;
    return isCommon || all.length === 1 ? commonOriginOwner(all) : null;
  }

  private site(tenant: TenantCopy): Site {
    return { tenant, origin: tenant.host === null ? this.publicOrigin.origin : `https://${tenant.host.toLowerCase()}` };
  }
}
