/** The internal API as the command line calls it. */
import type { AccountView, GrantView } from '../api/accounts.sql.js';
import type { Explanation } from '../api/explanation.js';
import type { TenantView } from '../api/tenants.controller.js';
import type { CompareRun } from '../reconcile/compare.js';
import { CliError, EXIT, type Target } from './target.js';

/** What JSON makes of dates. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? Json<E>[]
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const TIMEOUT_MS = 15_000;

export class AccountsClient {
  constructor(private readonly target: Target) {}

  /** By slug or id; without a name the only one, or the one called "default". */
  async tenant(name: string | undefined): Promise<TenantView> {
    const { tenants } = await this.call<{ tenants: TenantView[] }>('GET', '/internal/tenants');
    const slugs = tenants.map((t) => t.slug).join(', ') || 'none yet';
    const found =
      name === undefined
        ? tenants.length === 1
          ? tenants[0]
          : tenants.find((t) => t.slug === 'default')
        : tenants.find((t) => t.slug === name || t.id === name);
    if (found) return found;
    throw new CliError(
      name === undefined
        ? `Name a tenant with --tenant. Tenants: ${slugs}.`
        : `There is no tenant "${name}". Tenants: ${slugs}.`,
      EXIT.refused,
    );
  }

  async list(tenant: TenantView, limit: number): Promise<{ accounts: Json<AccountView>[]; more: boolean }> {
    const accounts: Json<AccountView>[] = [];
    for (let cursor: string | null = ''; cursor !== null && accounts.length < limit;) {
      const query = new URLSearchParams({
        limit: String(Math.min(1000, limit - accounts.length)),
        ...(cursor && { cursor }),
      });
      const page: { accounts: Json<AccountView>[]; next: string | null } = await this.call(
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
    const queries = [new URLSearchParams({ userName: who }), new URLSearchParams({ externalId: who })];
    if (UUID.test(who)) return this.call('GET', `${base(tenant)}/${who.toLowerCase()}`);
    for (const query of queries) {
      const { accounts } = await this.call<{ accounts: Json<AccountView>[] }>(
        'GET',
        `${base(tenant)}?${query.toString()}`,
      );
      // A name that was freed by a deletion may have been given to somebody new.
      const found = accounts.find((a) => a.status !== 'removed') ?? accounts[0];
      if (found) return found;
    }
    const hint =
      'Give a user name, an Okta user id or an account id; "npm run accounts -- list" shows all. Was the user pushed to another tenant (--tenant)?';
    throw new CliError(`Tenant ${tenant.slug} has no account "${who}". ${hint}`, EXIT.refused);
  }

  grants(account: Json<AccountView>): Promise<{ grants: Json<GrantView>[] }> {
    return this.call('GET', `${base({ id: account.tenant })}/${account.id}/grants`);
  }

  explanation(account: Json<AccountView>): Promise<Json<Explanation>> {
    return this.call('GET', `${base({ id: account.tenant })}/${account.id}/explanation`);
  }

  async retry(account: Json<AccountView>): Promise<void> {
    await this.call('POST', `${base({ id: account.tenant })}/${account.id}/retry`);
  }

  startCompare(): Promise<{ run: string }> {
    return this.call('POST', '/internal/reconcile');
  }

  compare(): Promise<Json<CompareRun>> {
    return this.call('GET', '/internal/reconcile');
  }

  private async call<T>(method: string, path: string): Promise<T> {
    let response: Response;
    try {
      response = await fetch(`${this.target.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.target.token}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch {
      throw new CliError(
        `identity-service does not answer at ${this.target.url}. Is the stack running? Start it with "npm start".`,
        EXIT.unavailable,
      );
    }
    const body: unknown = await response.json().catch(() => null);
    if (response.ok) return body as T;
    const detail = (body as { detail?: unknown } | null)?.detail;
    throw new CliError(
      typeof detail === 'string' ? detail : `identity-service answered ${response.status}.`,
      response.status >= 500 ? EXIT.unavailable : EXIT.refused,
    );
  }
}

const base = (tenant: { id: string }): string => `/internal/tenants/${tenant.id}/accounts`;
