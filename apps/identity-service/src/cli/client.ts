/** The internal API as the command line calls it. */
import type { AccountView, Explanation, GrantView, PoolComparison, RepublishedPage } from '#contracts';
import { CliError, EXIT, type InternalClient, type Json } from '#platform';
import { findTenant, listTenants, type TenantView } from '#settings';

export class AccountsClient {
  constructor(private readonly api: InternalClient) {}

  tenant(name: string | undefined): Promise<TenantView> {
    return findTenant(this.api, name);
  }

  tenants(): Promise<readonly TenantView[]> {
    return listTenants(this.api);
  }

  /** Answers how many. */
  async republish(tenant: { id: string }): Promise<number> {
    let count = 0;
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor && `?cursor=${cursor}`;
      const page: RepublishedPage = await this.api.call('POST', `${base(tenant)}/republish${query}`);
      count += page.republished;
      cursor = page.next;
    }
    return count;
  }

  async list(tenant: TenantView, limit: number): Promise<{ accounts: Json<AccountView>[]; more: boolean }> {
    const accounts: Json<AccountView>[] = [];
    for (let cursor: string | null = ''; cursor !== null && accounts.length < limit;) {
      const query = new URLSearchParams({
        limit: String(Math.min(1000, limit - accounts.length)),
        ...(cursor && { cursor }),
      });
      const page: { accounts: Json<AccountView>[]; next: string | null } = await this.api.call(
        'GET',
        `${base(tenant)}?${query.toString()}`,
      );
      accounts.push(...page.accounts);
      cursor = page.next;
      if (cursor !== null && accounts.length >= limit) return { accounts, more: true };
    }
    return { accounts, more: false };
  }

  /** By user name, external id (Okta's user id) or account id. */
  async account(tenant: TenantView, who: string): Promise<Json<AccountView>> {
    const query = new URLSearchParams({ who });
    const { accounts } = await this.api.call<{ accounts: Json<AccountView>[] }>(
      'GET',
      `${base(tenant)}?${query.toString()}`,
    );
    if (accounts[0]) return accounts[0];
    const hint =
      'Give a user name, an Okta user id or an account id; "npm run accounts -- list" shows all. Was the user pushed to another tenant (--tenant)?';
    throw new CliError(`Tenant ${tenant.slug} has no account "${who}". ${hint}`, EXIT.refused);
  }

  grants(account: Json<AccountView>): Promise<{ grants: Json<GrantView>[] }> {
    return this.api.call('GET', `${base({ id: account.tenant })}/${account.id}/grants`);
  }

  explanation(account: Json<AccountView>): Promise<Json<Explanation>> {
    return this.api.call('GET', `${base({ id: account.tenant })}/${account.id}/explanation`);
  }

  async retry(account: Json<AccountView>): Promise<void> {
    await this.api.call('POST', `${base({ id: account.tenant })}/${account.id}/retry`);
  }

  startCompare(): Promise<{ run: string }> {
    return this.api.call('POST', '/internal/pool-comparison');
  }

  compare(): Promise<Json<PoolComparison>> {
    return this.api.call('GET', '/internal/pool-comparison');
  }
}

const base = (tenant: { id: string }): string => `/internal/tenants/${tenant.id}/accounts`;
