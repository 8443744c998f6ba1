import type { InternalClient, Json } from './client.js';
import type { TenantList } from './common.js';
import type { ScimRequestPage, ScimRequestQuery } from './directory.js';

/** Calls scim-gateway's internal API. */
export class DirectoryClient {
  constructor(private readonly api: InternalClient) {}

  tenants(): Promise<Json<TenantList>> {
    return this.api.call('GET', '/internal/tenants');
  }

  requests(tenant: string, query: ScimRequestQuery = {}): Promise<Json<ScimRequestPage>> {
    return this.api.call('GET', `/internal/tenants/${encodeURIComponent(tenant)}/requests`, { query: { ...query } });
  }
}
