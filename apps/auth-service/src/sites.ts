/**
 * Which tenant a request is for: the one whose host name the browser asked for. Nothing of the request gets into a link;
 * origins come from the tenant's settings or from the configuration, so a forged Host changes nothing but who is asked.
 */
import { Inject, Injectable } from '@nestjs/common';
import { PLATFORM, type PlatformContext } from '#platform';
import { TenantSettingsCache, type SettingsEvent, type TenantCopy } from '#settings';
import type { AuthConfig } from './config.js';
import { ClientSecrets } from './login/client-secrets.js';

export interface Site {
  readonly tenant: TenantCopy;
  /** Without a slash at the end. */
  readonly origin: string;
}

@Injectable()
export class Sites {
  private readonly cache: TenantSettingsCache;
  private readonly copies = new Map<string, TenantCopy>();
  private readonly publicOrigin: URL;

  constructor(@Inject(PLATFORM) { database, config }: PlatformContext<AuthConfig>, clientSecrets: ClientSecrets) {
    this.publicOrigin = new URL(config.PUBLIC_ORIGIN);
    this.cache = new TenantSettingsCache({
      database,
      schema: database.schema,
      onChange: (copy) => {
        this.copies.set(copy.tenantId, copy);
        // `connect-sso` is a new version also where only the secret is another one.
        clientSecrets.forget(copy.tenantId);
      },
    });
  }

  /** Takes over what this process has just stored; call it after the commit. */
  accept(event: SettingsEvent): void {
    this.cache.accept(event);
  }

  async ofTenant(tenantId: string): Promise<Site | null> {
    const tenant = await this.cache.get(tenantId);
    return tenant && this.site(tenant);
  }

  /** `host` as in the header, with or without a port. Null = nobody's. */
  async ofHost(host: string | undefined): Promise<Site | null> {
    await this.cache.get(''); // reads what is new; no tenant has that id
    const name = (host ?? '').toLowerCase().replace(/:\d+$/, '');
    const all = [...this.copies.values()];
    const owners = all.filter((copy) => copy.host !== null && hostName(copy.host) === name);
    // A host on its way from one tenant to another may stand at both for a moment: then it is nobody's.
    if (owners.length > 0) return owners.length === 1 && owners[0] ? this.site(owners[0]) : null;
    const tenant = this.withoutHost(all, name);
    return tenant ? this.site(tenant) : null;
  }

  /** PUBLIC_ORIGIN is the default tenant's; a tenant that is alone in an installation has every other name as well. */
  private withoutHost(all: readonly TenantCopy[], name: string): TenantCopy | undefined {
    const hostless = all.filter((copy) => copy.host === null);
    const fallback = hostless.length === 1 ? hostless[0] : hostless.find((copy) => copy.slug === 'default');
    if (name === this.publicOrigin.hostname) return fallback;
    return all.length === 1 ? fallback : undefined;
  }

  private site(tenant: TenantCopy): Site {
    return { tenant, origin: tenant.host === null ? this.publicOrigin.origin : `https://${tenant.host.toLowerCase()}` };
  }
}

const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');
