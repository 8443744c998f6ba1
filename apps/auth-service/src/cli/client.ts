/** auth-service's internal API as the command line calls it. */
import { loggedInUser, type InternalClient, type Json } from '#platform';
import { findTenant, listTenants, type TenantView } from '#settings';
import type { ExchangeClientBody, ExchangeClientSecret, ExchangeClientView, ExchangeSource } from '#contracts';

export type Client = Json<ExchangeClientView>;
export type Wanted = Pick<ExchangeClientBody, 'tenants' | 'audiences' | 'tokenKinds' | 'jwks'>;

export interface Rotated {
  readonly clientSecret: string;
  readonly previousSecretValidUntil: string | null;
}

export class ExchangeAdmin {
  private readonly by: string;

  constructor(
    private readonly api: InternalClient,
    by: string | undefined,
  ) {
    // Stands in the audit.
    this.by = by ?? loggedInUser() ?? 'unknown';
  }

  tenant(name: string | undefined): Promise<TenantView> {
    return findTenant(this.api, name);
  }

  tenants(): Promise<readonly TenantView[]> {
    return listTenants(this.api);
  }

  async clients(): Promise<readonly Client[]> {
    return (await this.api.call<{ clients: Client[] }>('GET', '/internal/exchange/clients')).clients;
  }

  client(id: string): Promise<Client> {
    return this.api.call('GET', clientPath(id));
  }

  /** Refused if there is such a client. */
  create(id: string, wanted: Wanted): Promise<ExchangeClientSecret> {
    return this.api.call('POST', clientPath(id), { ...wanted, by: this.by });
  }

  put(id: string, wanted: Wanted): Promise<ExchangeClientSecret> {
    return this.api.call('PUT', clientPath(id), { ...wanted, by: this.by });
  }

  rotate(id: string, graceMs: number): Promise<Rotated> {
    return this.api.call('POST', `${clientPath(id)}/secret`, { graceMs, by: this.by });
  }

  remove(id: string): Promise<null> {
    return this.api.call('DELETE', `${clientPath(id)}?${this.query}`);
  }

  async source(tenant: string): Promise<ExchangeSource | null> {
    return (await this.api.call<{ source: ExchangeSource | null }>('GET', sourcePath(tenant))).source;
  }

  putSource(tenant: string, source: ExchangeSource): Promise<null> {
    return this.api.call('PUT', sourcePath(tenant), { ...source, by: this.by });
  }

  removeSource(tenant: string): Promise<null> {
    return this.api.call('DELETE', `${sourcePath(tenant)}?${this.query}`);
  }

  private get query(): string {
    return new URLSearchParams({ by: this.by }).toString();
  }
}

const clientPath = (id: string): string => `/internal/exchange/clients/${encodeURIComponent(id)}`;
const sourcePath = (tenant: string): string => `/internal/tenants/${tenant}/exchange/source`;
