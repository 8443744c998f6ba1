export interface HostedTenant {
  readonly slug: string;
  readonly host: string | null;
}

/** Accepts a `Host` header or a stored host name. Returns it in lower case, without a port. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');

/**
 * Returns the tenant that a browser reaches under an origin that no tenant owns. It is the only tenant without a host
 * name. If there are several, it is the tenant `default`, or null if that one has a host name.
 */
export function commonOriginOwner<T extends HostedTenant>(tenants: Iterable<T>): T | null {
  const hostless = [...tenants].filter(({ host }) => host === null);
  const owner = hostless.length === 1 ? hostless[0] : hostless.find(({ slug }) => slug === 'default');
  return owner ?? null;
}
