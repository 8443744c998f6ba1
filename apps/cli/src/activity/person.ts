/**
 * Finds the account id of a person in identity-service or, if identity-service does not answer, in deactivation-worker.
 */
import { Refusal, UUID, type Call } from '#command-line';
import { notFoundHint } from '../accounts/commands.js';
import { part, type Services, type Tenant } from '../services.js';

export async function accountOf(
  { typed }: Pick<Call<unknown>, 'typed'>,
  services: Services,
  tenant: Tenant,
  who: string,
): Promise<string> {
  if (UUID.test(who)) return who.toLowerCase();
  const account = await part(async () => (await services.identity().find(tenant.id, who))?.id);
  if (account.value !== undefined) return account.value;
  const person = await part(async () => (await services.offboarding().people(tenant.id, who)).people[0]?.account);
  if (person.value !== undefined) return person.value;
  const problem = account.problem ?? person.problem;
  if (problem !== undefined)
    throw new Refusal(`It is not known whether the account "${who}" exists: ${problem.message}`, problem.exitCode);
  throw new Refusal(`Tenant ${tenant.slug} has no account "${who}". ${notFoundHint(typed)}`);
}
