/** Typed client of auth-service's internal API. */
import type { AuditPage, AuditQuery } from './audit.js';
import type { InternalClient, Json } from './client.js';
import type { TenantView } from './common.js';
import type {
  ExchangeClientBody,
  ExchangeClientList,
  ExchangeClientSecret,
  ExchangeClientView,
  ExchangeSource,
  ExchangeSourceBody,
  ExchangeSourceView,
  RotatedSecret,
  SecretRotationBody,
} from './exchange.js';

export class AuthServiceClient {
  constructor(private readonly api: InternalClient) {}

  async tenants(): Promise<Json<TenantView>[]> {
    return (await this.api.call<{ tenants: Json<TenantView>[] }>('GET', '/internal/tenants')).tenants;
  }

  async exchangeClients(): Promise<Json<ExchangeClientView>[]> {
    return (await this.api.call<Json<ExchangeClientList>>('GET', '/internal/exchange/clients')).clients;
  }

  exchangeClient(id: string): Promise<Json<ExchangeClientView>> {
    return this.api.call('GET', clientPath(id));
  }

  /** Rejects with `conflict` if the client already exists. */
  createExchangeClient(id: string, body: ExchangeClientBody): Promise<ExchangeClientSecret> {
    return this.api.call('POST', clientPath(id), { body });
  }

  /** Replaces the whole client except its secret, or creates the client if it does not exist. */
  putExchangeClient(id: string, body: ExchangeClientBody): Promise<ExchangeClientSecret> {
    return this.api.call('PUT', clientPath(id), { body });
  }

  /** Rejects with `conflict` if the client authenticates with keys and therefore has no secret. */
  rotateExchangeSecret(id: string, body: SecretRotationBody): Promise<Json<RotatedSecret>> {
    return this.api.call('POST', `${clientPath(id)}/secret`, { body });
  }

  removeExchangeClient(id: string, by?: string): Promise<void> {
    return this.api.call('DELETE', clientPath(id), { query: { by } });
  }

  /** Returns null if the tenant accepts no authorization server. */
  async exchangeSource(tenant: string): Promise<ExchangeSource | null> {
    return (await this.api.call<ExchangeSourceView>('GET', sourcePath(tenant))).source;
  }

  putExchangeSource(tenant: string, body: ExchangeSourceBody): Promise<void> {
    return this.api.call('PUT', sourcePath(tenant), { body });
  }

  removeExchangeSource(tenant: string, by?: string): Promise<void> {
    return this.api.call('DELETE', sourcePath(tenant), { query: { by } });
  }

  audit(tenant: string, query: AuditQuery = {}): Promise<Json<AuditPage>> {
    return this.api.call('GET', `/internal/tenants/${tenant}/audit`, { query: { ...query } });
  }
}

const clientPath = (id: string): string => `/internal/exchange/clients/${encodeURIComponent(id)}`;
const sourcePath = (tenant: string): string => `/internal/tenants/${tenant}/exchange/source`;
