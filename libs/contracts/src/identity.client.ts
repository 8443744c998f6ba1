/** Typed client of identity-service's internal API. */
import type { InternalClient, Json } from './client.js';
import type { TenantList, TenantView } from './common.js';
import type {
  AccountGrants,
  AccountList,
  AccountListQuery,
  AccountRetry,
  AccountView,
  ConfirmGroupBody,
  Explanation,
  GroupConfirmed,
  GroupPinList,
  HeldRoleLossList,
  HeldRoleLossView,
  PoolComparison,
  PoolComparisonStarted,
  ReleaseRoleLossesBody,
  RepublishedPage,
  RoleLossesReleased,
} from './identity.js';

const COMPARISON = '/internal/pool-comparison';

export class IdentityClient {
  constructor(private readonly api: InternalClient) {}

  async tenants(): Promise<TenantView[]> {
    return (await this.api.call<TenantList>('GET', '/internal/tenants')).tenants;
  }

  accounts(tenant: string, query: AccountListQuery = {}): Promise<Json<AccountList>> {
    return this.api.call('GET', accounts(tenant), { query: { ...query } });
  }

  /** Finds an account by user name, Okta user id or account id. Returns null if the tenant has no such account. */
  async find(tenant: string, who: string): Promise<Json<AccountView> | null> {
    return (await this.accounts(tenant, { who })).accounts[0] ?? null;
  }

  account(tenant: string, id: string): Promise<Json<AccountView>> {
    return this.api.call('GET', `${accounts(tenant)}/${id}`);
  }

  grants(tenant: string, id: string): Promise<Json<AccountGrants>> {
    return this.api.call('GET', `${accounts(tenant)}/${id}/grants`);
  }

  explanation(tenant: string, id: string): Promise<Json<Explanation>> {
    return this.api.call('GET', `${accounts(tenant)}/${id}/explanation`);
  }

  /** Makes identity-service compare the Cognito user with the account now, and repair the user. */
  retry(tenant: string, id: string): Promise<AccountRetry> {
    return this.api.call('POST', `${accounts(tenant)}/${id}/retry`);
  }

  /** Publishes the state of all accounts of the tenant again; resolves with the number of accounts. */
  async republish(tenant: string): Promise<number> {
    let count = 0;
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page: RepublishedPage = await this.api.call('POST', `${accounts(tenant)}/republish`, { query: { cursor } });
      count += page.republished;
      cursor = page.next;
    }
    return count;
  }

  async heldRoleLosses(tenant: string): Promise<Json<HeldRoleLossView>[]> {
    return (await this.api.call<Json<HeldRoleLossList>>('GET', losses(tenant))).held;
  }

  /** Resolves with the number of losses of roles that this call released. */
  async releaseRoleLosses(tenant: string, body: ReleaseRoleLossesBody): Promise<number> {
    return (await this.api.call<RoleLossesReleased>('POST', `${losses(tenant)}/release`, { body })).released;
  }

  groupPins(tenant: string): Promise<Json<GroupPinList>> {
    return this.api.call('GET', pins(tenant));
  }

  /** Resolves with the number of mappings that now belong to the group; 0 if the group did not wait. */
  async confirmGroup(tenant: string, body: ConfirmGroupBody): Promise<number> {
    return (await this.api.call<GroupConfirmed>('POST', `${pins(tenant)}/confirm`, { body })).confirmed;
  }

  /** Rejects with the problem `conflict` while a comparison is running. */
  async startPoolComparison(): Promise<string> {
    return (await this.api.call<PoolComparisonStarted>('POST', COMPARISON)).run;
  }

  /** Rejects with the problem `not_found` if no comparison has run yet. */
  latestPoolComparison(): Promise<Json<PoolComparison>> {
    return this.api.call('GET', COMPARISON);
  }
}

const accounts = (tenant: string): string => `/internal/tenants/${tenant}/accounts`;
const pins = (tenant: string): string => `/internal/tenants/${tenant}/group-pins`;
const losses = (tenant: string): string => `/internal/tenants/${tenant}/held-role-losses`;
