/** Decides which tenant a host name or an origin belongs to. Pure functions only. */

export interface HostedTenant {
  readonly slug: string;
  readonly host: string | null;
}

/** Returns a `Host` header or a stored host name in lower case, without a port. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');

/**
 * Returns the tenant that a browser reaches under the common origin, where no host name names the tenant. The result is
 * the only tenant without its own host name. If several tenants have none, the result is the tenant `default` if it is
 * one of them, otherwise null. The result is also null if every tenant has its own host name.
 */
export function commonOriginOwner<T extends HostedTenant>(tenants: Iterable<T>): T | null {
  const hostless = [...tenants].filter(({ host }) => host === null);
  const owner = hostless.length === 1 ? hostless[0] : hostless.find(({ slug }) => slug === 'default');
  return owner ?? null;
}
