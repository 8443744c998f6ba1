/** Collects everything that the services know about one person. If a service does not answer, its part is unknown. */
import type {
  AccountView,
  AuditEntryView,
  Explanation,
  HubTenant,
  Json,
  ParkedKey,
  PersonTimeline,
  ScimRequestView,
} from '#contracts';
import { EXIT, Refusal } from '#command-line';
import { parked } from '../events/buses.js';
import { part, type Part, type Services, type Tenant } from '../services.js';

export interface Facts {
  readonly who: string;
  readonly tenant: Tenant;
  readonly settings: Part<Json<HubTenant>>;
  /** Null means that there is no such account. */
  readonly account: Part<Json<AccountView> | null>;
  readonly explanation: Part<Json<Explanation> | null>;
  readonly timeline: Part<Json<PersonTimeline> | null>;
  /** The person's SCIM requests, newest first. Without an account: the latest refused requests of the tenant. */
  readonly requests: Part<readonly Json<ScimRequestView>[]>;
  /** Sign-ins and refusals of the person, newest first. */
  readonly signIns: Part<readonly Json<AuditEntryView>[]>;
  readonly parked: Part<readonly ParkedKey[]>;
}

export async function gather(services: Services, tenant: Tenant, who: string): Promise<Facts> {
  const { id: t, slug } = tenant;
  const account = await part(() => services.identity().find(t, who));
  const person = await part(async () => (await services.offboarding().people(t, who)).people[0] ?? null);
  const id = account.value?.id ?? person.value?.account;
  const oktaId = account.value?.externalId ?? person.value?.externalId ?? null;
  const [settings, explanation, timeline, requests, signIns, events] = await Promise.all([
    part(() => services.hub().tenant(slug)),
    account.value ? part(() => services.identity().explanation(t, account.value?.id ?? '')) : without(account),
    person.value ? part(() => services.offboarding().timeline(t, person.value?.account ?? '')) : without(person),
    part(async () => {
      const query = id === undefined ? { statusAtLeast: 400, limit: 5 } : { resourceId: id, limit: 20 };
      return (await services.directory().requests(t, query)).requests;
    }),
    part(() => signInsOf(services, t, id, oktaId)),
    id === undefined ? { value: [] } : parkedOf(services, `${t}:${id}`, t),
  ]);
  return { who, tenant, settings, account, explanation, timeline, requests, signIns, parked: events };
}

const without = <T>(of: Part<T | null>): Part<null> =>
  of.problem === undefined ? { value: null } : { problem: of.problem };

/** Includes refused sign-ins that belong to no account. Their audit entries contain only the Okta user id. */
async function signInsOf(
  services: Services,
  tenant: string,
  account: string | undefined,
  oktaId: string | null,
): Promise<Json<AuditEntryView>[]> {
  const auth = services.auth();
  const own = account === undefined ? [] : (await auth.audit(tenant, { account, limit: 50 })).entries;
  const refused = (await auth.audit(tenant, { event: 'login_refused', limit: 200 })).entries;
  const unmatched = refused.filter((e) => e.account === null && oktaId !== null && e.detail.oktaSub === oktaId);
  return [...own, ...unmatched].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

async function parkedOf(services: Services, key: string, tenant: string): Promise<Part<ParkedKey[]>> {
  const all = await parked(services, { tenant, limit: 500 });
  const found = all.flatMap(({ value }) => value?.keys ?? []).filter((each) => each.key === key);
  const away = all.filter(({ problem }) => problem !== undefined).map(({ service }) => service);
  return found.length === 0 && away.length > 0
    ? { problem: new Refusal(`${away.join(', ')} did not answer.`, EXIT.unavailable) }
    : { value: found };
}
