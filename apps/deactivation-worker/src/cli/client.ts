/** The internal APIs as the command line calls them: deactivation-worker's, and identity-service's for role losses. */
import type { CaseState, CaseView, PeopleList, PersonView } from '#contracts';
import { CliError, EXIT, loggedInUser, InternalClient, type Json } from '#platform';
import { findTenant, type TenantView } from '#settings';

/** A loss of roles that identity-service's brake holds: the account stays active and keeps `roles` meanwhile. */
export interface HeldRoleLoss {
  readonly account: string;
  readonly userName: string;
  readonly displayName: string | null;
  readonly roles: readonly string[];
  readonly wouldLose: readonly string[];
  readonly heldBecause: 'threshold' | 'last_admin';
  readonly heldAt: string;
  readonly cause: string;
}

export interface Timeline {
  readonly person: Json<PersonView>;
  /** Newest first. */
  readonly cases: readonly Json<CaseView>[];
}

export interface Held {
  readonly held: readonly Json<CaseView>[];
  readonly total: number;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class OffboardingClient {
  constructor(private readonly api: InternalClient) {}

  tenant(name: string | undefined): Promise<TenantView> {
    return findTenant(this.api, name);
  }

  async list(
    tenant: TenantView,
    state: CaseState | undefined,
    limit: number,
  ): Promise<{ cases: Json<CaseView>[]; more: boolean }> {
    const cases: Json<CaseView>[] = [];
    for (let cursor: string | null = ''; cursor !== null && cases.length < limit;) {
      const query = new URLSearchParams({
        limit: String(Math.min(1000, limit - cases.length)),
        ...(state && { state }),
        ...(cursor && { cursor }),
      });
      const page: { cases: Json<CaseView>[]; next: string | null } = await this.api.call(
        'GET',
        `${base(tenant)}/cases?${query.toString()}`,
      );
      cases.push(...page.cases);
      cursor = page.next;
      if (cursor !== null && cases.length >= limit) return { cases, more: true };
    }
    return { cases, more: false };
  }

  /** By user name, external id (Okta's user id) or account id. */
  async timeline(tenant: TenantView, who: string): Promise<Timeline> {
    const id = UUID.test(who) ? who.toLowerCase() : (await this.person(tenant, who)).account;
    return this.api.call('GET', `${base(tenant)}/accounts/${id}/timeline`);
  }

  async retry(tenant: TenantView, who: string): Promise<Timeline> {
    const timeline = await this.timeline(tenant, who);
    await this.api.call('POST', `${base(tenant)}/accounts/${timeline.person.account}/retry`);
    return timeline;
  }

  held(tenant: TenantView): Promise<Held> {
    return this.api.call('GET', `${base(tenant)}/held?limit=10000`);
  }

  /** Without `cases`: all. */
  async release(tenant: TenantView, by: string, cases?: readonly string[]): Promise<number> {
    const { released } = await this.api.call<{ released: number }>('POST', `${base(tenant)}/held/release`, {
      by,
      ...(cases && { cases }),
    });
    return released;
  }

  private async person(tenant: TenantView, who: string): Promise<Json<PersonView>> {
    const query = new URLSearchParams({ who });
    const found = await this.api.call<Json<PeopleList>>('GET', `${base(tenant)}/accounts?${query.toString()}`);
    if (found.people[0]) return found.people[0];
    const hint =
      'Give a user name, an Okta user id or an account id; "npm run accounts -- list" shows all. Was the user pushed to another tenant (--tenant)?';
    throw new CliError(`Tenant ${tenant.slug} has nobody called "${who}". ${hint}`, EXIT.refused);
  }
}

/** identity-service holds losses of roles by the same brake; an operator wants to see and release both in one place. */
export class RoleLossClient {
  constructor(private readonly api: InternalClient) {}

  async held(tenant: TenantView): Promise<readonly HeldRoleLoss[]> {
    const { held } = await this.api.call<{ held: HeldRoleLoss[] }>('GET', `${base(tenant)}/held-role-losses`);
    return held;
  }

  /** Without `accounts`: all. */
  async release(tenant: TenantView, by: string, accounts?: readonly string[]): Promise<number> {
    const { released } = await this.api.call<{ released: number }>('POST', `${base(tenant)}/held-role-losses/release`, {
      by,
      ...(accounts && { accounts }),
    });
    return released;
  }
}

const base = (tenant: { id: string }): string => `/internal/tenants/${tenant.id}`;

/** Who releases, if the command line does not say it: whoever is logged in here. */
export function operator(): string {
  const user = loggedInUser();
  if (user === undefined)
    throw new CliError('Say who releases with --by <name>; it stands in the evidence.', EXIT.usage);
  return user;
}
