import type { InternalClient, Json } from './client.js';
import type { TenantErasure } from './erasure.js';
import type {
  ConfigureTenant,
  ConnectOkta,
  ConnectSso,
  CreateTenant,
  HubAuditPage,
  HubAuditQuery,
  HubTenant,
  HubTenantList,
  OktaConnected,
  RotateScimToken,
  ScimTokenIssued,
  TenantChanged,
} from './hub.js';

const TENANTS = '/internal/hub/tenants';
const path = (slug: string, rest = ''): string => `${TENANTS}/${encodeURIComponent(slug)}${rest}`;

/** Calls integration-hub's internal API for tenants and their settings. */
export class HubClient {
  constructor(private readonly api: InternalClient) {}

  tenants(): Promise<Json<HubTenantList>> {
    return this.api.call('GET', TENANTS);
  }

  tenant(slug: string): Promise<Json<HubTenant>> {
    return this.api.call('GET', path(slug));
  }

  create(body: CreateTenant): Promise<Json<ScimTokenIssued>> {
    return this.api.call('POST', TENANTS, { body });
  }

  configure(slug: string, body: ConfigureTenant): Promise<Json<TenantChanged>> {
    return this.api.call('POST', path(slug, '/settings'), { body });
  }

  rotateScimToken(slug: string, body: RotateScimToken): Promise<Json<ScimTokenIssued>> {
    return this.api.call('POST', path(slug, '/scim-token'), { body });
  }

  connectOkta(slug: string, body: ConnectOkta): Promise<Json<OktaConnected>> {
    return this.api.call('PUT', path(slug, '/okta'), { body });
  }

  disconnectOkta(slug: string, by: string): Promise<Json<TenantChanged>> {
    return this.api.call('DELETE', path(slug, '/okta'), { query: { by } });
  }

  connectSso(slug: string, body: ConnectSso): Promise<Json<TenantChanged>> {
    return this.api.call('PUT', path(slug, '/sso'), { body });
  }

  disconnectSso(slug: string, by: string): Promise<Json<TenantChanged>> {
    return this.api.call('DELETE', path(slug, '/sso'), { query: { by } });
  }

  /** Refuses further changes of the tenant. Call it before the other services erase what they store. */
  startErasure(slug: string, by: string): Promise<Json<TenantErasure>> {
    return this.api.call('POST', path(slug, '/erasure'), { body: { by } });
  }

  /** Erases what integration-hub stores, and the secrets. Call it after all other services are done. */
  finishErasure(slug: string, by: string): Promise<Json<TenantErasure>> {
    return this.api.call('POST', path(slug, '/erasure/finish'), { body: { by } });
  }

  audit(slug: string, query: HubAuditQuery = {}): Promise<Json<HubAuditPage>> {
    return this.api.call('GET', path(slug, '/audit'), { query: { ...query } });
  }
}
