/** Decides which tenant a host name or an origin belongs to. Pure functions only. */

export interface HostedTenant {
  readonly slug: string;
  readonly host: string | null;
}

/** Returns a `Host` header or a stored host name in lower case, without a port. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');

/**
 * Returns the tenant that a browser reaches under the common origin, where no host name names the tenant. If only one
 * tenant has no host name of its own, it is this tenant. Otherwise it is the tenant `default`, if that has no host name
 * of its own. Null means that there is no such tenant.
 */
export function commonOriginOwner<T extends HostedTenant>(tenants: Iterable<T>): T | null {
  const hostless = [...tenants].filter(({ host }) => host === null);
  const owner = hostless.length === 1 ? hostless[0] : hostless.find(({ slug }) => slug === 'default');
  return owner ?? null;
}
