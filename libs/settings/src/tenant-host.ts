export interface HostedTenant {
  readonly slug: string;
  readonly host: string | null;
}

/** Returns a `Host` header or a stored host name in lower case, without a port. */
export const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');

/**
 * Returns the tenant that browsers reach at a host name that belongs to no tenant. This is the only tenant without a
 * host name, or, if several have none, the one with the slug `default`. Returns null if there is no such tenant.
 */
export function commonOriginOwner<T extends HostedTenant>(tenants: Iterable<T>): T | null {
  const hostless = [...tenants].filter(({ host }) => host === null);
  const owner = hostless.length === 1 ? hostless[0] : hostless.find(({ slug }) => slug === 'default');
  return owner ?? null;
}
