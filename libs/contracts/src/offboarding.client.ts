/** Typed client of deactivation-worker's internal API. */
import type { InternalClient, Json } from './client.js';
import type { TenantList } from './common.js';
import type {
  CasePage,
  CasesQuery,
  HeldCases,
  HeldCasesQuery,
  OktaComparison,
  OktaComparisonBody,
  OktaComparisonStarted,
  PeopleList,
  Percentiles,
  PercentilesQuery,
  PersonTimeline,
  RefusalBody,
  ReleaseCasesBody,
  ReleasedCases,
  RetryStarted,
  SignOutBody,
  SignOutState,
} from './offboarding.js';

export class OffboardingClient {
  constructor(private readonly api: InternalClient) {}

  tenants(): Promise<TenantList> {
    return this.api.call('GET', '/internal/tenants');
  }

  /** Finds people by user name, Okta user id or account id (`who`). The best match comes first. */
  people(tenant: string, who: string): Promise<Json<PeopleList>> {
    return this.api.call('GET', `${base(tenant)}/accounts`, { query: { who } });
  }

  timeline(tenant: string, account: string): Promise<Json<PersonTimeline>> {
    return this.api.call('GET', `${accountBase(tenant, account)}/timeline`);
  }

  cases(tenant: string, query: CasesQuery = {}): Promise<Json<CasePage>> {
    return this.api.call('GET', `${base(tenant)}/cases`, { query: { ...query } });
  }

  held(tenant: string, query: HeldCasesQuery = {}): Promise<Json<HeldCases>> {
    return this.api.call('GET', `${base(tenant)}/held`, { query: { ...query } });
  }

  release(tenant: string, body: ReleaseCasesBody): Promise<ReleasedCases> {
    return this.api.call('POST', `${base(tenant)}/held/release`, { body });
  }

  /** Makes deactivation-worker read the user back from Cognito now, and enable or disable the user as desired. */
  retry(tenant: string, account: string): Promise<RetryStarted> {
    return this.api.call('POST', `${accountBase(tenant, account)}/retry`);
  }

  /** Revokes all sessions and tokens of a person who keeps access. Resolves when the request is stored durably. */
  signOut(tenant: string, account: string, body: SignOutBody): Promise<SignOutState> {
    return this.api.call('POST', `${accountBase(tenant, account)}/sign-out`, { body });
  }

  signOutState(tenant: string, account: string): Promise<SignOutState> {
    return this.api.call('GET', `${accountBase(tenant, account)}/sign-out`);
  }

  /** Reports that a service refused a token. The call may be repeated: only the earliest refusal of a case is stored. */
  async reportRefusal(tenant: string, account: string, body: RefusalBody): Promise<void> {
    await this.api.call('POST', `${accountBase(tenant, account)}/refusals`, { body });
  }

  percentiles(query: PercentilesQuery = {}): Promise<Percentiles> {
    return this.api.call('GET', '/internal/offboarding/percentiles', { query: { ...query } });
  }

  /** Rejects with `comparison_running` or `okta_not_connected` if the comparison cannot start. */
  startOktaComparison(tenant: string, body: OktaComparisonBody = {}): Promise<OktaComparisonStarted> {
    return this.api.call('POST', `${base(tenant)}/okta/comparison`, { body });
  }

  /** Rejects with `not_found` if no comparison was ever started. */
  oktaComparison(tenant: string): Promise<Json<OktaComparison>> {
    return this.api.call('GET', `${base(tenant)}/okta/comparison`);
  }
}

const base = (tenant: string): string => `/internal/tenants/${encodeURIComponent(tenant)}`;
const accountBase = (tenant: string, account: string): string =>
  `${base(tenant)}/accounts/${encodeURIComponent(account)}`;
