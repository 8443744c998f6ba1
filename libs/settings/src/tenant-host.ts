/** Which tenant a host name or an origin belongs to. Pure. */

export interface HostedTenant {
  readonly slug: string;
  readonly host: string | null;
}

/** `Host` header or stored host name: in lower case, without a port. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');

/**
 * The tenant that a browser reaches under the common origin, where no host name says which tenant is meant: the only
 * tenant without a host name of its own, or the one called `default`. Null = no tenant.
 */
export function commonOriginOwner<T extends HostedTenant>(tenants: Iterable<T>): T | null {
  const hostless = [...tenants].filter(({ host }) => host === null);
  const owner = hostless.length === 1 ? hostless[0] : hostless.find(({ slug }) => slug === 'default');
  return owner ?? null;
}
