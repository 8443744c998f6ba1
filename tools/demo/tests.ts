/** Tests 1, 2 and 4 of the product page, and a suspension, which Okta does not push over SCIM. */
import { randomBytes } from 'node:crypto';
import type { Stack } from './stack.js';
import { check, inOrder, result, type Person, type Result, type Tools } from './step.js';
import type { Expectation } from './user-pool.js';

const AGENTS = { group: 'StackFlow-Agents', role: 'itsm_agent' };
export const MANAGERS = { group: 'StackFlow-ITSM-Managers', role: 'itsm_manager' };

const NO_ACCESS: Expectation = { enabled: false, groups: [], attributes: { 'custom:role': null } };
const NO_ROLE: Expectation = { ...NO_ACCESS, enabled: true };
const having = (role: string): Expectation => ({ enabled: true, groups: [role], attributes: { 'custom:role': role } });

export function newPerson(): Person {
  const suffix = randomBytes(4).toString('hex');
  return { login: `demo.${suffix}@example.com`, firstName: 'Demo', lastName: `Person-${suffix}` };
}

export function assignUser(tools: Tools, { login, firstName, lastName }: Person): Promise<Result> {
  return result(tools, '1. Assign a user in Okta: the user is created in StackFlow', async (show) => {
    tools.print(`  ${login} is assigned to the app.`);
    const work = await tools.okta.run('assign', { login, profile: { firstName, lastName } });
    const { scimId, oktaId } = await tools.okta.idsOf(login);
    const attributes = {
      email: login,
      given_name: firstName,
      family_name: lastName,
      'custom:external_id': oktaId,
      'custom:tenant_id': tools.tenantId,
      'custom:role': null,
    };
    return check(tools, show, { ...work, deliveries: [] }, scimId, { ...NO_ROLE, attributes });
  });
}

export function changeGroup(tools: Tools, { login }: Person): Promise<Result> {
  const { okta } = tools;
  return result(tools, "2. Change the user's group in Okta: the StackFlow role changes", async (show) =>
    inOrder(tools, show, (await okta.idsOf(login)).scimId, [
      {
        says: `${login} joins ${AGENTS.group} and gets the role ${AGENTS.role}.`,
        expected: having(AGENTS.role),
        work: () => okta.addTo(AGENTS.group, login),
      },
      {
        says: `${login} moves from ${AGENTS.group} to ${MANAGERS.group} and gets the role ${MANAGERS.role} instead.`,
        expected: having(MANAGERS.role),
        work: async () => {
          const left = await okta.run('remove-member', { group: AGENTS.group, members: [login] });
          const joined = await okta.addTo(MANAGERS.group, login);
          return { exchanges: [...left.exchanges, ...joined.exchanges], deliveries: [] };
        },
      },
    ]),
  );
}

export const unassignUser = (tools: Tools, person: Person, role: string): Promise<Result> =>
  outAndBack(tools, person, role, '4. Unassign the user: the StackFlow account is deactivated', {
    unassign: 'is unassigned from the app and loses access.',
    assign: 'is assigned again and gets access with the earlier role.',
  });

export const suspendUser = (tools: Tools, person: Person, role: string): Promise<Result> =>
  outAndBack(tools, person, role, 'Suspend the user in Okta: access ends, although Okta sends no SCIM request', {
    suspend: 'is suspended. Okta sends an event, StackFlow asks Okta for the state, and access ends.',
    unsuspend: 'is unsuspended and gets access with the earlier role.',
  });

/** Ends a person's access and restores it. `verbs` are the two commands of the sandbox Okta, with their texts. */
const outAndBack = (
  { okta, ...tools }: Tools,
  { login }: Person,
  role: string,
  test: string,
  verbs: Readonly<Record<string, string>>,
): Promise<Result> =>
  result({ okta, ...tools }, test, async (show) => {
    const steps = Object.entries(verbs).map(([verb, says], at) => ({
      says: `${login} ${says}`,
      expected: at === 0 ? NO_ACCESS : having(role),
      work: () => okta.run(verb, { login }),
    }));
    return inOrder({ okta, ...tools }, show, (await okta.idsOf(login)).scimId, steps);
  });

/** Deletes the person in Okta, and then the user in StackFlow, whom Okta itself only deactivates. */
export async function tidyUp({ okta, pool, brake }: Tools, stack: Stack, { login }: Person): Promise<void> {
  const { scimId } = await okta.idsOf(login);
  await okta.run('remove-member', { group: MANAGERS.group, members: [login] });
  await okta.run('deactivate', { login });
  await pool.reach(scimId, NO_ACCESS, () => brake.release(scimId));
  await okta.run('delete', { login });
  const [{ scimBaseUrl, scimToken }] = stack.tenants;
  await fetch(`${scimBaseUrl}/Users/${scimId}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${scimToken}` },
  });
}
