/** Finds a person in deactivation-worker by user name, Okta user id or account id. */
import { Refusal, type Call } from '#command-line';
import type { OffboardingClient } from '#contracts/clients';
import type { Json, PersonView } from '#contracts';
import { notFoundHint } from '../accounts/commands.js';
import type { Tenant } from '../services.js';

export async function personOf(
  { typed }: Pick<Call<unknown>, 'typed'>,
  worker: OffboardingClient,
  tenant: Tenant,
  who: string,
): Promise<Json<PersonView>> {
  const { people } = await worker.people(tenant.id, who);
  if (people[0]) return people[0];
  throw new Refusal(`Tenant ${tenant.slug} has no account "${who}". ${notFoundHint(typed)}`);
}
