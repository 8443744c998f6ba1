import type { InternalClient, Json } from './client.js';
import type { StartErasure, TenantErasure } from './erasure.js';

const path = (tenant: string): string => `/internal/tenants/${encodeURIComponent(tenant)}/erasure`;

/** Calls the erasure of a tenant in any service but integration-hub. */
export class ErasureClient {
  constructor(private readonly api: InternalClient) {}

  /** A repetition returns the progress and changes nothing. */
  start(tenant: string, body: StartErasure): Promise<Json<TenantErasure>> {
    return this.api.call('POST', path(tenant), { body });
  }

  progress(tenant: string): Promise<Json<TenantErasure>> {
    return this.api.call('GET', path(tenant));
  }
}
