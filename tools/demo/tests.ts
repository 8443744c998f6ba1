/** Tests 1 and 2 of the product page, as Okta does them. */
import { randomBytes } from 'node:crypto';
import { inOrder, outcome, verdict, type Person, type Tools, type Verdict } from './step.js';
import type { Expectation } from './user-pool.js';

const AGENTS = { group: 'StackFlow-Agents', role: 'itsm_agent' };
export const MANAGERS = { group: 'StackFlow-ITSM-Managers', role: 'itsm_manager' };

export function newPerson(): Person {
  const suffix = randomBytes(4).toString('hex');
  return { login: `demo.${suffix}@example.com`, firstName: 'Demo', lastName: `Person-${suffix}` };
}

/** (1) Assign a test user to the StackFlow app in Okta: the user is created in StackFlow via SCIM. */
export async function assignUser(tools: Tools, person: Person): Promise<Verdict> {
  return verdict(tools, '1. Assign a user in Okta: the user is created in StackFlow', async () => {
    tools.print(`  ${person.login} is assigned to the app`);
    const work = await tools.okta.work('assign', {
      login: person.login,
      profile: { firstName: person.firstName, lastName: person.lastName },
    });
    const { scimId, oktaId } = await tools.okta.idsOf(person.login);
    const attributes = {
      email: person.login,
      given_name: person.firstName,
      family_name: person.lastName,
      'custom:external_id': oktaId,
      'custom:tenant_id': tools.tenantId,
      'custom:role': null,
    };
    return outcome(tools, { ...work, deliveries: [] }, scimId, { enabled: true, groups: [], attributes });
  });
}

/** (2) Change the user's group in Okta: the StackFlow role changes. */
export async function changeGroup(tools: Tools, person: Person): Promise<Verdict> {
  return verdict(tools, "2. Change the user's group in Okta: the StackFlow role changes", async () => {
    const { okta, print } = tools;
    const { scimId } = await okta.idsOf(person.login);
    const holds = (role: string): Expectation => ({
      enabled: true,
      groups: [role],
      attributes: { 'custom:role': role },
    });
    return inOrder(
      async () => {
        print(`  into ${AGENTS.group}: becomes ${AGENTS.role}`);
        return outcome(tools, await okta.putInto(AGENTS.group, person.login), scimId, holds(AGENTS.role));
      },
      async () => {
        print(`  from ${AGENTS.group} to ${MANAGERS.group}: becomes ${MANAGERS.role}`);
        const left = await okta.work('remove-member', { group: AGENTS.group, members: [person.login] });
        const joined = await okta.putInto(MANAGERS.group, person.login);
        const moved = { exchanges: [...left.exchanges, ...joined.exchanges], deliveries: [] };
        return outcome(tools, moved, scimId, holds(MANAGERS.role));
      },
    );
  });
}

/**
 * Removes the person from the group, so that the next run does not push them. The person stays assigned, without a
 * role, because an unassignment would count against the brake.
 */
export async function tidyUp(tools: Tools, person: Person): Promise<void> {
  const { scimId } = await tools.okta.idsOf(person.login);
  await tools.okta.work('remove-member', { group: MANAGERS.group, members: [person.login] });
  const roleless = { enabled: true, groups: [], attributes: { 'custom:role': null } };
  await tools.pool.settle(scimId, roleless, () => tools.brake.letThrough(scimId));
}
