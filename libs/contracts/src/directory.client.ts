import type { InternalClient, Json } from './client.js';
import type { TenantList } from './common.js';
import type { GroupMembersPage, GroupMembersQuery, ScimRequestPage, ScimRequestQuery } from './directory.js';

/** Calls scim-gateway's internal API. */
export class DirectoryClient {
  constructor(private readonly api: InternalClient) {}

  tenants(): Promise<Json<TenantList>> {
    return this.api.call('GET', '/internal/tenants');
  }

  requests(tenant: string, query: ScimRequestQuery = {}): Promise<Json<ScimRequestPage>> {
    return this.api.call('GET', `/internal/tenants/${encodeURIComponent(tenant)}/requests`, { query: { ...query } });
  }

  members(tenant: string, group: string, query: GroupMembersQuery = {}): Promise<Json<GroupMembersPage>> {
    const path = `/internal/tenants/${encodeURIComponent(tenant)}/groups/${encodeURIComponent(group)}/members`;
    return this.api.call('GET', path, { query: { ...query } });
  }
}
