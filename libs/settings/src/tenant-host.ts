export interface HostedTenant {
  readonly slug: string;
  readonly host: string | null;
}

/** Returns a `Host` header or a stored host name in lower case, without a port. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');

/**
 * Returns the tenant that a browser reaches if the host name belongs to no tenant. Only tenants without a host name
 * count. If there is one, it is the result. If there are several, the tenant `default` is the result. Otherwise the
 * result is null.
 */
export function commonOriginOwner<T extends HostedTenant>(tenants: Iterable<T>): T | null {
  const hostless = [...tenants].filter(({ host }) => host === null);
  const owner = hostless.length === 1 ? hostless[0] : hostless.find(({ slug }) => slug === 'default');
  return owner ?? null;
}
