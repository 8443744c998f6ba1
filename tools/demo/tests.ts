/** Tests 1 and 2 of the product page, as Okta does them. */
import { randomBytes } from 'node:crypto';
import type { Exchange, Okta } from './okta.js';
import { DemoProblem } from './stack.js';
import { printTimeline, type Records } from './timeline.js';
import type { Expectation, UserPoolReader } from './user-pool.js';

export interface Tools {
  readonly okta: Okta;
  readonly pool: UserPoolReader;
  readonly records: Records;
  readonly tenantId: string;
  readonly print: (line: string) => void;
}

export interface Verdict {
  readonly test: string;
  readonly wrong: readonly string[];
}

const AGENTS = { group: 'StackFlow-Agents', role: 'itsm_agent' };
const MANAGERS = { group: 'StackFlow-ITSM-Managers', role: 'itsm_manager' };

/** A person of this run only. */
export interface Person {
  readonly login: string;
  readonly firstName: string;
  readonly lastName: string;
}

export function newPerson(): Person {
  const suffix = randomBytes(4).toString('hex');
  return { login: `demo.${suffix}@example.com`, firstName: 'Demo', lastName: `Person-${suffix}` };
}

/** What the exchanges of a step must lead to; prints the timeline whether or not it does. */
async function outcome(
  tools: Tools,
  exchanges: readonly Exchange[],
  scimId: string,
  expected: Expectation,
): Promise<string[]> {
  if (!exchanges.some((e) => e.method !== 'GET')) return ['Okta sent nothing'];
  const wrong = await tools.pool.settle(scimId, expected);
  printTimeline(await tools.records.of(exchanges, scimId), exchanges, tools.print);
  return wrong;
}

/** (1) Assign a test user to the StackFlow app in Okta: the user is created in StackFlow via SCIM. */
export async function assignUser(tools: Tools, person: Person): Promise<Verdict> {
  return verdict(tools, '1. Assign a user in Okta: the user is created in StackFlow', async () => {
    tools.print(`  ${person.login} is assigned to the app`);
    const exchanges = await tools.okta.run('assign', {
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
    return outcome(tools, exchanges, scimId, { groups: [], attributes });
  });
}

/** (2) Change the user's group in Okta: the StackFlow role changes. */
export async function changeGroup(tools: Tools, person: Person): Promise<Verdict> {
  return verdict(tools, "2. Change the user's group in Okta: the StackFlow role changes", async () => {
    const { scimId } = await tools.okta.idsOf(person.login);
    const holds = (role: string): Expectation => ({ groups: [role], attributes: { 'custom:role': role } });

    tools.print(`  into ${AGENTS.group}: becomes ${AGENTS.role}`);
    const joined = await tools.okta.putInto(AGENTS.group, person.login);
    const first = await outcome(tools, joined, scimId, holds(AGENTS.role));
    if (first.length > 0) return first;

    tools.print(`  from ${AGENTS.group} to ${MANAGERS.group}: becomes ${MANAGERS.role}`);
    const left = await tools.okta.run('remove-member', { group: AGENTS.group, members: [person.login] });
    const moved = [...left, ...(await tools.okta.putInto(MANAGERS.group, person.login))];
    return outcome(tools, moved, scimId, holds(MANAGERS.role));
  });
}

/** So that the next run does not push the people of this one again. */
export async function tidyUp({ okta }: Tools, person: Person): Promise<void> {
  await okta.run('remove-member', { group: MANAGERS.group, members: [person.login] });
  await okta.run('unassign', { login: person.login });
}

async function verdict(tools: Tools, test: string, run: () => Promise<string[]>): Promise<Verdict> {
  tools.print(test);
  const wrong = await run().catch((error: unknown) => {
    if (error instanceof DemoProblem) return [error.message];
    throw error;
  });
  tools.print(wrong.length === 0 ? '  PASS' : `  FAIL  ${wrong.join('; ')}`);
  tools.print('');
  return { test, wrong };
}
