export interface HostedTenant {
  readonly slug: string;
  readonly host: string | null;
}

/** Returns a `Host` header or a stored host name in lower case, without a port. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');

/**
 * Returns the tenant that a browser reaches at a host name of no tenant: the only tenant without a host name. If several
 * tenants have none, returns the tenant `default` if it is one of them. Otherwise returns null.
 */
export function commonOriginOwner<T extends HostedTenant>(tenants: Iterable<T>): T | null {
  const hostless = [...tenants].filter(({ host }) => host === null);
  const owner = hostless.length === 1 ? hostless[0] : hostless.find(({ slug }) => slug === 'default');
  return owner ?? null;
}
