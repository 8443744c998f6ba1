/** For command lines: which tenant is meant. */
import { CliError, EXIT, type InternalClient } from '#platform';
import type { TenantView } from '#contracts';

/** Those that the service behind `api` has heard of. */
export const listTenants = async (api: InternalClient): Promise<readonly TenantView[]> =>
  (await api.call<{ tenants: TenantView[] }>('GET', '/internal/tenants')).tenants;

/** By slug or id; without a name the only one, or the one called "default". */
export async function findTenant(api: InternalClient, name: string | undefined): Promise<TenantView> {
  const tenants = await listTenants(api);
  const slugs = tenants.map((t) => t.slug).join(', ') || 'none yet';
  const only = tenants.length === 1 ? tenants[0] : tenants.find((t) => t.slug === 'default');
  const found = name === undefined ? only : tenants.find((t) => t.slug === name || t.id === name);
  if (found) return found;
  throw new CliError(
    name === undefined
      ? `Name a tenant with --tenant. Tenants: ${slugs}.`
      : `There is no tenant "${name}". Tenants: ${slugs}.`,
    EXIT.refused,
  );
}
