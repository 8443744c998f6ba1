import { Refusal, UUID, type Call } from '#command-line';
import type { Json, PersonView } from '#contracts';
import type { OffboardingClient } from '#contracts/clients';
import { part, type Services, type Tenant } from '../services.js';

export const noAccount = ({ slug }: Tenant, who: string, { typed }: Call<unknown>): Refusal =>
  new Refusal(
    `Tenant ${slug} has no account "${who}". Give a user name, an Okta user id or an account id; "${typed('accounts list')}" shows all. Was the user pushed to another tenant (--tenant)?`,
  );

/** Finds a person in deactivation-worker by user name, Okta user id or account id. */
export async function personOf(
  call: Call<unknown>,
  worker: OffboardingClient,
  tenant: Tenant,
  who: string,
): Promise<Json<PersonView>> {
  const { people } = await worker.people(tenant.id, who);
  if (people[0]) return people[0];
  throw noAccount(tenant, who, call);
}

/** Finds the account id of a person. Asks deactivation-worker only if identity-service returns no id. */
export async function accountOf(call: Call<unknown>, services: Services, tenant: Tenant, who: string): Promise<string> {
  if (UUID.test(who)) return who.toLowerCase();
  const account = await part(async () => (await services.identity().find(tenant.id, who))?.id);
  if (account.value !== undefined) return account.value;
  const person = await part(async () => (await services.offboarding().people(tenant.id, who)).people[0]?.account);
  if (person.value !== undefined) return person.value;
  const problem = account.problem ?? person.problem;
  if (problem === undefined) throw noAccount(tenant, who, call);
  throw new Refusal(`It is not known whether the account "${who}" exists: ${problem.message}`, problem.exitCode);
}
